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

// TestOneMeaning finds flags whose default goes to commands that mean something else by them, as far as their
// descriptions say.
func TestOneMeaning(t *testing.T) {
	root := New(Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}, "test", "oc rebuild")
	meanings := map[string]map[string][]string{}
	known := map[string]bool{}
	each(root, func(command *cobra.Command) {
		known[command.Name()] = true
		for name, rule := range settable() {
			flag := command.Flags().Lookup(name)
			if flag == nil || slices.Contains(rule.except, command.Name()) {
				continue
			}
			if meanings[name] == nil {
				meanings[name] = map[string][]string{}
			}
			meanings[name][flag.Usage] = append(meanings[name][flag.Usage], command.Name())
		}
	})
	// doctor looks at what a rebuild would read and write, component and deploy have no --to-image, and not every
	// command takes several platforms.
	alike := map[string]int{"from-release": 2, "to-image": 2, "to-repository": 3, "platform": 2}
	for name, rule := range settable() {
		if n := len(meanings[name]); n != max(1, alike[name]) {
			t.Errorf("--%s has %d meanings: %v", name, n, meanings[name])
		}
		for _, command := range rule.except {
			if !known[command] {
				t.Errorf("--%s is not for %q, which is no command", name, command)
			}
		}
	}
}
