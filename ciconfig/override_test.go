package ciconfig_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

func TestOverride(t *testing.T) {
	recipe, err := parse(t, everything).Recipe("operator")
	if err != nil {
		t.Fatal(err)
	}
	got, err := recipe.With(ciconfig.Override{ContextDir: "other", Dockerfile: "Dockerfile.x",
		BuildArgs: []ciconfig.Arg{{Name: "TAGS", Value: "fcos"}, {Name: "NEW", Value: "1"}}})
	if err != nil || got.ContextDir != "other" || got.Dockerfile != "Dockerfile.x" || got.From != "base" ||
		len(got.Inputs) != 2 {
		t.Errorf("With = %+v, %v", got, err)
	}
	if diff := cmp.Diff([]ciconfig.Arg{{Name: "TAGS", Value: "fcos"}, {Name: "EMPTY"}, {Name: "NEW", Value: "1"}},
		got.BuildArgs); diff != "" {
		t.Errorf("build arguments (-want +got):\n%s", diff)
	}
	if recipe.BuildArgs[0].Value != "scos" {
		t.Error("the recipe itself was changed")
	}
	same, err := recipe.With(ciconfig.Override{})
	if err != nil || same.Dockerfile != recipe.Dockerfile || same.ContextDir != recipe.ContextDir {
		t.Errorf("nothing said: %+v, %v", same, err)
	}
	literal, err := parse(t, everything).Recipe("literal")
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := literal.With(ciconfig.Override{}); err != nil || kept.Literal == "" {
		t.Errorf("nothing said about a literal: %+v, %v", kept, err)
	}
	if replaced, err := literal.With(ciconfig.Override{Dockerfile: "a"}); err != nil || replaced.Literal != "" ||
		replaced.Dockerfile != "a" {
		t.Errorf("a Dockerfile in place of a literal: %+v, %v", replaced, err)
	}
	for _, bad := range []ciconfig.Override{{Dockerfile: "/etc/passwd"}, {Dockerfile: "../../x"}, {ContextDir: ".."},
		{ContextDir: "/"}} {
		flag := "--dockerfile"
		if bad.ContextDir != "" {
			flag = "--context-dir"
		}
		if got, err := recipe.With(bad); fault.KindOf(err) != fault.Usage || !strings.HasPrefix(err.Error(), flag) {
			t.Errorf("With(%+v) = %+v, %v, want an error about %s", bad, got, err, flag)
		}
	}
}
