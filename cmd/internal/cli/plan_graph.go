package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// drawing is a plan as nodes and edges.
type drawing struct {
	nodes []node
	edges [][2]string // from what is used to what uses it, by name
	known map[string]bool
}

// node is an image, or several of the same kind.
type node struct {
	name    string
	kind    string   // component, image or base
	note    string   // what stands for it
	members []string // the images that it stands for, where it is not one
	problem bool     // it cannot be built
}

// label is what is written on a node.
func (n node) label() string {
	switch {
	case len(n.members) > 0:
		return fmt.Sprintf("%d components", len(n.members))
	case n.note != "":
		return n.name + " (" + n.note + ")"
	}
	return n.name
}

// draw collects what is built from what. Edges go from the base to what is built on it, as time does.
func draw(planned *plan.Plan) *drawing {
	d := &drawing{known: map[string]bool{}}
	for _, c := range planned.Components {
		d.add(node{name: c.Name, kind: "component", problem: c.Problem != ""})
	}
	for _, i := range planned.Images {
		d.add(node{name: i.Name, kind: "image", problem: i.Problem != ""})
	}
	for _, c := range slices.Concat(planned.Components, planned.Images) {
		drawn := map[string]bool{}
		for _, base := range slices.Concat(c.Bases, c.Files) {
			name := baseName(base)
			switch {
			case base.Built != "":
				name = base.Built
			case base.Component != "":
				name = base.Component
			}
			d.add(node{name: name, kind: "base", note: base.From, problem: base.Problem != ""})
			if !drawn[name] {
				drawn[name] = true
				d.edges = append(d.edges, [2]string{name, c.Name})
			}
		}
	}
	return d.grouped()
}

// add adds a node once.
func (d *drawing) add(n node) {
	if !d.known[n.name] {
		d.known[n.name] = true
		d.nodes = append(d.nodes, n)
	}
}

// many is how many components have to be of a kind to be drawn as one.
const many = 4

// grouped draws components as one that are built on the same and that nothing is built on: a whole payload has more
// than a hundred of a kind.
func (d *drawing) grouped() *drawing {
	below, isUsed := map[string][]string{}, map[string]bool{}
	for _, e := range d.edges {
		below[e[1]] = append(below[e[1]], e[0])
		isUsed[e[0]] = true
	}
	kindOf := func(n node) string {
		if n.kind != "component" || isUsed[n.name] {
			return ""
		}
		slices.Sort(below[n.name])
		return fmt.Sprintf("%q %v", below[n.name], n.problem)
	}
	alike := map[string][]string{}
	for _, n := range d.nodes {
		if kind := kindOf(n); kind != "" {
			alike[kind] = append(alike[kind], n.name)
		}
	}
	result := &drawing{known: map[string]bool{}}
	isGone := map[string]bool{}
	for _, n := range d.nodes {
		if members := alike[kindOf(n)]; len(members) >= many {
			isGone[n.name] = n.name != members[0]
			n.members = members
		}
		if !isGone[n.name] {
			result.add(n)
		}
	}
	for _, e := range d.edges {
		if !isGone[e[1]] {
			result.edges = append(result.edges, e)
		}
	}
	return result
}

// drawDot draws a plan for Graphviz.
func drawDot(planned *plan.Plan) string {
	quote := func(text string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(plain.Line(text)) + `"`
	}
	shapes := map[string]string{"component": "box", "image": "ellipse", "base": "box, style=dashed"}
	var b strings.Builder
	b.WriteString("digraph plan {\n\trankdir=LR;\n")
	d := draw(planned)
	for _, n := range d.nodes {
		more := ""
		if label := n.label(); label != n.name {
			more = ", label=" + quote(label)
		}
		if len(n.members) > 0 {
			more += ", tooltip=" + quote(strings.Join(n.members, ", "))
		}
		if n.problem {
			more += ", color=red"
		}
		fmt.Fprintf(&b, "\t%s [shape=%s%s];\n", quote(n.name), shapes[n.kind], more)
	}
	for _, e := range d.edges {
		fmt.Fprintf(&b, "\t%s -> %s;\n", quote(e[0]), quote(e[1]))
	}
	b.WriteString("}\n")
	return b.String()
}

// drawMermaid draws a plan for Mermaid.
func drawMermaid(planned *plan.Plan) string {
	quote := func(text string) string {
		return strings.NewReplacer("#", "#35;", `"`, "#quot;").Replace(plain.Line(text))
	}
	shapes := map[string][2]string{"component": {`["`, `"]`}, "image": {`(["`, `"])`}, "base": {`{{"`, `"}}`}}
	var b strings.Builder
	b.WriteString("graph LR\n")
	d := draw(planned)
	ids := map[string]string{}
	var problems []string
	for i, n := range d.nodes {
		ids[n.name] = fmt.Sprintf("n%d", i)
		fmt.Fprintf(&b, "  %s%s%s%s\n", ids[n.name], shapes[n.kind][0], quote(n.label()), shapes[n.kind][1])
		if n.problem {
			problems = append(problems, ids[n.name])
		}
	}
	for _, e := range d.edges {
		fmt.Fprintf(&b, "  %s --> %s\n", ids[e[0]], ids[e[1]])
	}
	if len(problems) > 0 {
		fmt.Fprintf(&b, "  classDef problem stroke:red\n  class %s problem\n", strings.Join(problems, ","))
	}
	return b.String()
}
