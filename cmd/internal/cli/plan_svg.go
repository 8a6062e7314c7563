package cli

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// Measures of the picture, in pixels.
const (
	svgCharacter = 7.4 // of the font
	svgLine      = 16
	svgPad       = 8
	svgGap       = 12  // between nodes of a column
	svgRun       = 140 // between columns, for the edges
	svgMargin    = 16
	svgColors    = 6
)

// svgStyle has the colors, for light and dark pages.
const svgStyle = `<style>
svg{--ink:#1f2328;--paper:#ffffff;--box:#f6f8fa;--edge:#8c959f;--bad:#cf222e;--c0:#0969da;--c1:#1a7f37;--c2:#9a6700;--c3:#8250df;--c4:#bf3989;--c5:#57606a}
@media (prefers-color-scheme:dark){svg{--ink:#e6edf3;--paper:#0d1117;--box:#161b22;--edge:#6e7681;--bad:#ff7b72;--c0:#58a6ff;--c1:#3fb950;--c2:#d29922;--c3:#bc8cff;--c4:#f778ba;--c5:#8b949e}}
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:var(--ink)}
rect{fill:var(--box);stroke:var(--edge)}
.page{fill:var(--paper);stroke:none}
.base{stroke-dasharray:4 3}
.image{rx:12}
.problem{stroke:var(--bad);stroke-width:2}
.small{font-size:10px;opacity:.75}
path{fill:none;stroke-width:1.3;opacity:.55}
</style>
`

// svgNode is a node with its place in the picture.
type svgNode struct {
	node
	text          []string // lines: the label, and some of the members
	layer         int      // column
	x, y          float64
	width, height float64
	color         int // of the edges that begin here
}

// drawSVG draws a plan by itself: columns from what everything is built on to what is built last.
func drawSVG(planned *plan.Plan) string {
	d := draw(planned)
	nodes := map[string]*svgNode{}
	var order []*svgNode
	for _, n := range d.nodes {
		placed := &svgNode{node: n, text: svgText(n)}
		for _, line := range placed.text {
			placed.width = max(placed.width, float64(len([]rune(line)))*svgCharacter+2*svgPad)
		}
		placed.height = float64(len(placed.text)*svgLine + svgPad)
		nodes[n.name] = placed
		order = append(order, placed)
	}
	layer(nodes, d.edges)
	columns := arrange(order, nodes, d.edges)
	var width, height float64
	for _, column := range columns {
		for _, n := range column {
			width, height = max(width, n.x+n.width), max(height, n.y+n.height)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b,
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">`+"\n",
		width+svgMargin, height+svgMargin, width+svgMargin, height+svgMargin)
	fmt.Fprintf(&b, "<title>%s</title>\n%s", escapeXML("What is built on what in "+planned.Release.Name), svgStyle)
	b.WriteString("<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n")
	for _, e := range d.edges {
		from, to := nodes[e[0]], nodes[e[1]]
		x1, y1, x2, y2 := from.x+from.width, from.y+from.height/2, to.x, to.y+to.height/2
		middle := (x1 + x2) / 2
		fmt.Fprintf(&b, "<path d=\"M%.0f %.0fC%.0f %.0f %.0f %.0f %.0f %.0f\" stroke=\"var(--c%d)\"/>\n", x1, y1,
			middle, y1, middle, y2, x2, y2, from.color)
	}
	for _, n := range order {
		class := n.kind
		if n.problem {
			class += " problem"
		}
		fmt.Fprintf(&b, "<g><title>%s</title><rect class=%q x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\"/>",
			escapeXML(strings.Join(append([]string{n.name}, n.members...), " ")),
			class, n.x, n.y, n.width, n.height)
		for i, line := range n.text {
			small := ""
			if i > 0 {
				small = ` class="small"`
			}
			fmt.Fprintf(&b, "<text%s x=\"%.0f\" y=\"%.0f\">%s</text>", small, n.x+svgPad,
				n.y+float64((i+1)*svgLine), escapeXML(line))
		}
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// svgText is what is written on a node: a few of those that it stands for tell what they are.
func svgText(n node) []string {
	const shown = 6
	lines := []string{n.label()}
	if len(n.members) > 0 {
		lines = append(lines, n.members[:min(shown, len(n.members))]...)
		if rest := len(n.members) - shown; rest > 0 {
			lines = append(lines, fmt.Sprintf("… and %d more", rest))
		}
	}
	return lines
}

// layer puts each node into the column after all that it is built on. A plan has no circles.
func layer(nodes map[string]*svgNode, edges [][2]string) {
	for moved := true; moved; {
		moved = false
		for _, e := range edges {
			if from, to := nodes[e[0]], nodes[e[1]]; to.layer <= from.layer && from.layer < len(nodes) {
				to.layer, moved = from.layer+1, true
			}
		}
	}
}

// arrange gives every node its place: in a column near what it is built on, the most used base first.
func arrange(order []*svgNode, nodes map[string]*svgNode, edges [][2]string) [][]*svgNode {
	var columns [][]*svgNode
	users := map[string]int{}
	for _, e := range edges {
		users[e[0]] += max(1, len(nodes[e[1]].members))
	}
	for _, n := range order {
		for len(columns) <= n.layer {
			columns = append(columns, nil)
		}
		columns[n.layer] = append(columns[n.layer], n)
	}
	x := float64(svgMargin)
	for i, column := range columns {
		slices.SortStableFunc(column, func(a, b *svgNode) int { return users[b.name] - users[a.name] })
		if i > 0 {
			at := map[*svgNode]float64{}
			for _, n := range column {
				count := 0.0
				for _, e := range edges {
					if nodes[e[1]] == n {
						at[n] += nodes[e[0]].y
						count++
					}
				}
				at[n] /= max(count, 1)
			}
			slices.SortStableFunc(column, func(a, b *svgNode) int { return int(at[a] - at[b]) })
		}
		y, widest := float64(svgMargin), 0.0
		for j, n := range column {
			n.x, n.y, n.color = x, y, j%svgColors
			y += n.height + svgGap
			widest = max(widest, n.width)
		}
		x += widest + svgRun
	}
	return columns
}

func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(plain.Line(text))) // a Builder does not fail
	return b.String()
}
