package image

import (
	"testing"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// TestContextThatIsNotThere says where to say where it is.
func TestContextThatIsNotThere(t *testing.T) {
	for checkout, want := range map[string]fault.Kind{"./.": 0, "none/.": fault.Unresolved, "../.": fault.Unresolved} {
		u := Unit{tree: gitsrc.Tree{Directory: t.TempDir()}}
		u.Recipe = plan.Recipe{Contexts: []ciconfig.Context{{Checkout: checkout}}}
		if err := checkContext(&u); fault.KindOf(err) != want ||
			want != 0 && fault.AdviceOf(err) != "--context-dir says where it is." {
			t.Errorf("%q: %v (%s)", checkout, err, fault.AdviceOf(err))
		}
	}
}
