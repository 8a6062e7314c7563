package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

func TestCompare(t *testing.T) {
	old, err := plan.Decode([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	if changes := plan.Compare(old, old); len(changes) > 0 {
		t.Errorf("a plan differs from itself: %+v", changes)
	}
	other := strings.Repeat("b", 40)
	text := strings.NewReplacer(
		`"kind": "fork", "repository": "https://github.com/o/base", "commit": "`+commit+`"`,
		`"kind": "fork", "repository": "https://github.com/o/base", "commit": "`+other+`"`,
		`{"name": "A", "value": "1"}`, `{"name": "A", "value": "2"}`, `{"name": "two"`, `{"name": "three"`,
		`["base", "two"]`, `["base", "three"]`, `"apiVersion"`, `"platform": "linux/arm64", "apiVersion"`,
		"FROM scratch", "# new\\nFROM scratch", `{"built": "base", "kind": "FROM", "line": 2}`,
		`{"reference": "b", "pullspec": "q.io/x", "kind": "FROM", "line": 2}`,
	).Replace(small)
	next, err := plan.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if changes := plan.Compare(old, next); slices.ContainsFunc(changes,
		func(c plan.Change) bool { return c.Field == "platform" }) {
		t.Errorf("the platform of a plan that says none differs: %+v", changes)
	}
	old.Platform = "linux/amd64"
	want := []plan.Change{
		{Field: "platform", Old: "linux/amd64", New: "linux/arm64"},
		{Name: "base", Field: "source.commit", Old: commit, New: other},
		{Name: "base", Field: "recipe.dockerfileText", Old: "2 lines", New: "3 lines, other ones"},
		{Name: "one", Field: "recipe.buildArgs", Old: "A=1", New: "A=2"},
		{Name: "one", Field: "bases[b]", New: "q.io/x"},
		{Name: "three", Field: "kind", New: "component"},
		{Name: "two", Field: "kind", Old: "component"},
	}
	if diff := cmp.Diff(want, plan.Compare(old, next)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
