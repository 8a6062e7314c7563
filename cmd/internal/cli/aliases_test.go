package cli

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestAliasesWin sets every flag that may have a default, and looks which others have its value then: the default would
// take the place of what was typed with these.
func TestAliasesWin(t *testing.T) {
	root := New(Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}, "test", "oc rebuild")
	found := 0
	each(root, func(command *cobra.Command) {
		for name, rule := range settable() {
			flag := command.Flags().Lookup(name)
			if flag == nil {
				continue
			}
			before := map[string]string{}
			command.Flags().VisitAll(func(other *pflag.Flag) { before[other.Name] = other.Value.String() })
			if err := flag.Value.Set("77"); err != nil {
				t.Fatal(err)
			}
			command.Flags().VisitAll(func(other *pflag.Flag) {
				if other == flag || other.Value.String() == before[other.Name] {
					return
				}
				found++
				if !slices.Contains(rule.yields, other.Name) {
					t.Errorf("%s: a default for --%s wins over --%s that is typed", command.Name(), name, other.Name)
				}
			})
			if err := flag.Value.Set(before[name]); err != nil {
				t.Fatal(err)
			}
		}
	})
	if found < 10 { // --authfile, of each command that reads a registry
		t.Errorf("%d aliases were looked at", found)
	}
}
