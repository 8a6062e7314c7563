package e2e

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

// TestWholePayload rebuilds all components of the playground's payload, which takes minutes.
func TestWholePayload(t *testing.T) {
	if os.Getenv("OC_REBUILD_LONG") == "" {
		t.Skip("`make test-long` runs it")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/whole",
		Setup: func(env *testscript.Env) error {
			return setup(env, os.Getenv("OC_REBUILD_E2E_DIR"), playground.Options{Whole: true})
		},
		Cmds:                commands(),
		RequireExplicitExec: true,
	})
}

// TestLongScripts runs the scripts that go further than those of TestScripts.
func TestLongScripts(t *testing.T) {
	if os.Getenv("OC_REBUILD_LONG") == "" {
		t.Skip("`make test-long` runs it")
	}
	testScripts(t, "testdata/long")
}
