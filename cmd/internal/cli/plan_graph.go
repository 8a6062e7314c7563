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

// node is an image.
type node struct {
	name string
	kind string // component, image or base
	note string // what stands for it
}

// draw collects what is built from what. Edges go from the base to what is built on it, as time does.
func draw(planned *plan.Plan) *drawing {
	d := &drawing{known: map[string]bool{}}
	for _, c := range planned.Components {
		d.add(node{name: c.Name, kind: "component"})
	}
	for _, i := range planned.Images {
		d.add(node{name: i.Name, kind: "image"})
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
			d.add(node{name: name, kind: "base", note: base.From})
			if !drawn[name] {
				drawn[name] = true
				d.edges = append(d.edges, [2]string{name, c.Name})
			}
		}
	}
	return d
}

// add adds a node once.
func (d *drawing) add(n node) {
	if !d.known[n.name] {
		d.known[n.name] = true
		d.nodes = append(d.nodes, n)
	}
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
		label := ""
		if n.note != "" {
			label = ", label=" + quote(n.name+" ("+n.note+")")
		}
		fmt.Fprintf(&b, "\t%s [shape=%s%s];\n", quote(n.name), shapes[n.kind], label)
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
	for i, n := range d.nodes {
		ids[n.name] = fmt.Sprintf("n%d", i)
		label := n.name
		if n.note != "" {
			label += " (" + n.note + ")"
		}
		fmt.Fprintf(&b, "  %s%s%s%s\n", ids[n.name], shapes[n.kind][0], quote(label), shapes[n.kind][1])
	}
	for _, e := range d.edges {
		fmt.Fprintf(&b, "  %s --> %s\n", ids[e[0]], ids[e[1]])
	}
	return b.String()
}
