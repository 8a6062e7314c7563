package cli

import (
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
			{Name: "o/one:sibling", Bases: []plan.Base{{Image: "ocp/4.12:base", From: "peel", PullSpec: "r/y@sha256:2"}}},
		},
	}
}

func TestDraw(t *testing.T) {
	want := `digraph plan {
	rankdir=LR;
	"one" [shape=box];
	"bad\"];\\x1b[31m" [shape=box];
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
		"2 of 2 components cannot be built:\n  component \"one\": no image for sibling\n  cannot", "Tried for sibling:"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text+printPlan(drawn()), "\x1b") {
		t.Error("a control character is printed")
	}
}
