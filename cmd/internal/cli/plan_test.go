package cli

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// drawn is a plan with one of each: a component on an image that is built first, one on the payload's, a base, and
// hostile names.
func drawn() *plan.Plan {
	return &plan.Plan{
		Components: []plan.Component{
			{Name: "one", Recipe: plan.Recipe{Config: "c.yaml", Dockerfile: "Dockerfile", ContextDir: "sub"},
				Source: plan.Source{Repository: "https://github.com/o/one", Commit: "0123456789abcdef"},
				Bases: []plan.Base{
					{Alias: "sibling", From: "build", Built: "o/one:sibling"},
					{Image: "ocp/4.12:cli", From: "payload", Component: "cli", PullSpec: "r/x@sha256:1"},
				}},
			{Name: "bad\"];\x1b[31m", Problem: "cannot: tried:\nthis\nand \x1b[31mthat"},
		},
		Images: []plan.Component{
			{Name: "o/one:sibling", Bases: []plan.Base{{Image: "ocp/4.12:base", From: "peel",
				PullSpec: "r/y@sha256:2"}}},
		},
	}
}

func TestDraw(t *testing.T) {
	want := `digraph plan {
	rankdir=LR;
	"one" [shape=box];
	"bad\"];\\x1b[31m" [shape=box, color=red];
	"o/one:sibling" [shape=ellipse];
	"cli" [shape=box, style=dashed, label="cli (payload)"];
	"ocp/4.12:base" [shape=box, style=dashed, label="ocp/4.12:base (peel)"];
	"o/one:sibling" -> "one";
	"cli" -> "one";
	"ocp/4.12:base" -> "o/one:sibling";
}
`
	if diff := cmp.Diff(want, drawDot(drawn())); diff != "" {
		t.Errorf("dot (-want +got):\n%s", diff)
	}
	want = `graph LR
  n0["one"]
  n1["bad#quot;];\x1b[31m"]
  n2(["o/one:sibling"])
  n3{{"cli (payload)"}}
  n4{{"ocp/4.12:base (peel)"}}
  n2 --> n0
  n3 --> n0
  n4 --> n2
  classDef problem stroke:red
  class n1 problem
`
	if diff := cmp.Diff(want, drawMermaid(drawn())); diff != "" {
		t.Errorf("mermaid (-want +got):\n%s", diff)
	}
}

// Text of inputs reaches the terminal without control characters, and columns line up.
func TestListPlan(t *testing.T) {
	planned := drawn()
	planned.Components[0].Problem = "component \"one\": something long"
	planned.Components[0].Bases[0].Problem = "gone"
	text := listPlan(planned)
	for _, want := range []string{"one        o/one       0123456789ab  c.yaml  sub/Dockerfile\n", "ocp/4.12:cli",
		"2 of 2 components cannot be built:\n  component \"one\": no image for sibling\n  cannot",
		"Tried for sibling:"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text+printPlan(drawn(), 0), "\x1b") {
		t.Error("a control character is printed")
	}
}

// TestDrawSVG draws a payload with many components of a kind: the picture is XML, no box covers another, and nothing
// is outside of it.
func TestDrawSVG(t *testing.T) {
	planned := drawn()
	for i := range 20 {
		planned.Components = append(planned.Components, plan.Component{Name: fmt.Sprintf("leaf-%d", i),
			Bases: []plan.Base{{Image: "ocp/4.12:base", From: "map"}}})
	}
	type rect struct {
		Class  string `xml:"class,attr"`
		X      string `xml:"x,attr"`
		Y      string `xml:"y,attr"`
		Width  string `xml:"width,attr"`
		Height string `xml:"height,attr"`
	}
	var picture struct {
		ViewBox string `xml:"viewBox,attr"`
		Groups  []struct {
			Title string   `xml:"title"`
			Rect  rect     `xml:"rect"`
			Text  []string `xml:"text"`
		} `xml:"g"`
		Paths []struct{} `xml:"path"`
	}
	text := drawSVG(planned)
	if err := xml.Unmarshal([]byte(text), &picture); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	var x, y, width, height float64
	if _, err := fmt.Sscan(picture.ViewBox, &x, &y, &width, &height); err != nil {
		t.Fatal(err)
	}
	var boxes [][4]float64
	for _, g := range picture.Groups {
		var b [4]float64
		if _, err := fmt.Sscan(g.Rect.X+" "+g.Rect.Y+" "+g.Rect.Width+" "+g.Rect.Height, &b[0], &b[1], &b[2],
			&b[3]); err != nil {
			t.Fatal(err)
		}
		if b[0] < 0 || b[1] < 0 || b[0]+b[2] > width || b[1]+b[3] > height {
			t.Errorf("%s is at %v, outside of %s", g.Title, b, picture.ViewBox)
		}
		for _, other := range boxes {
			if b[0] < other[0]+other[2] && other[0] < b[0]+b[2] && b[1] < other[1]+other[3] && other[1] < b[1]+b[3] {
				t.Errorf("%s at %v covers %v", g.Title, b, other)
			}
		}
		boxes = append(boxes, b)
		if strings.HasPrefix(g.Title, "leaf-0 ") &&
			(g.Text[0] != "20 components" || g.Text[len(g.Text)-1] != "… and 14 more") {
			t.Errorf("the leaves are %q", g.Text)
		}
		if strings.HasPrefix(g.Title, "bad") != strings.Contains(g.Rect.Class, "problem") {
			t.Errorf("%s has the class %q", g.Title, g.Rect.Class)
		}
	}
	if len(boxes) != 6 || len(picture.Paths) != 4 {
		t.Errorf("%d boxes and %d edges, want 6 and 4:\n%s", len(boxes), len(picture.Paths), text)
	}
	if strings.Contains(text, "\x1b") {
		t.Error("a control character is in the picture")
	}
}

// TestPlanWidth prints a plan for a narrow terminal: only a name is wider than that.
func TestPlanWidth(t *testing.T) {
	planned := drawn()
	planned.Components[0].Recipe.Reason = strings.Repeat("because of this and that ", 20)
	planned.Components[0].Bases[0].Reason = strings.Repeat("it is built first ", 20)
	planned.Components[0].Bases[1].Attempts = []plan.Attempt{{From: "ci",
		Problem: strings.Repeat("not authorised to read it ", 9)}}
	planned.Warnings = []string{strings.Repeat("a warning ", 30)}
	for line := range strings.SplitSeq(printPlan(planned, 80), "\n") {
		if len([]rune(line)) > 80 {
			t.Errorf("%d columns: %q", len([]rune(line)), line)
		}
	}
}
