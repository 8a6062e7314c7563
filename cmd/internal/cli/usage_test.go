package cli

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestHelp holds the help of every command against what a terminal shows: lines that fit, flags in a group that there
// is, and the name that the user typed.
func TestHelp(t *testing.T) {
	for _, name := range []string{"oc rebuild", "kubectl rebuild"} {
		var out bytes.Buffer
		root := New(Streams{In: strings.NewReader(""), Out: &out, Err: &out}, "test", name)
		known := map[string]bool{}
		for _, group := range groups() {
			known[group] = true
		}
		each(root, func(command *cobra.Command) {
			command.LocalFlags().VisitAll(func(flag *pflag.Flag) {
				if group := strings.Join(flag.Annotations[groupAnnotation], ""); !known[group] {
					t.Errorf("%s --%s is in the group %q, which is not shown", command.CommandPath(), flag.Name, group)
				}
			})
			if command.Parent() != nil && command.Parent().Name() == "completion" {
				return // cobra's own
			}
			out.Reset()
			command.SetOut(&out)
			help(command, nil)
			for line := range strings.Lines(out.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > helpWidth {
					t.Errorf("%s: a line of %d columns: %s", command.CommandPath(), n, line)
				}
			}
			if name != usualName && strings.Contains(out.String(), " "+usualName+" ") {
				t.Errorf("the help of %s speaks of %q:\n%s", command.CommandPath(), usualName, out.String())
			}
		})
	}
}

// each visits a command and those below it.
func each(command *cobra.Command, visit func(*cobra.Command)) {
	visit(command)
	for _, child := range command.Commands() {
		each(child, visit)
	}
}
