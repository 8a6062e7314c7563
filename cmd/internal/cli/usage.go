package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
)

// helpWidth is how long a line of help may be, in columns.
const helpWidth = 100

// groupAnnotation of a flag names the group that it is shown in.
const groupAnnotation = "oc-rebuild/group"

// The groups of flags, in the order in which help shows them. What has no group comes first.
const (
	groupWhat      = "What is built"
	groupTarget    = "Where it goes"
	groupRecipe    = "Recipe and bases"
	groupBuild     = "Build"
	groupOS        = "Operating system images"
	groupRegistry  = "Registries"
	groupSignature = "Signatures"
	groupCluster   = "Cluster"
	groupEngine    = "On a cluster"
	groupOC        = "As in oc adm release"
	groupOutput    = "Output"
)

func groups() []string {
	return []string{"", groupWhat, groupTarget, groupRecipe, groupBuild, groupOS, groupRegistry, groupSignature,
		groupCluster, groupEngine, groupOC, groupOutput}
}

// grouped puts the flags that are added until the returned function is called into a group, but for those that are in
// one by then.
func grouped(flags *pflag.FlagSet, group string) func() {
	before := map[string]bool{}
	flags.VisitAll(func(flag *pflag.Flag) { before[flag.Name] = true })
	return func() {
		flags.VisitAll(func(flag *pflag.Flag) {
			if !before[flag.Name] && flag.Annotations[groupAnnotation] == nil {
				// fails for a flag that there is not
				_ = flags.SetAnnotation(flag.Name, groupAnnotation, []string{group})
			}
		})
	}
}

// usage prints how a command is called, as cobra does, with its flags in groups.
func usage(command *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s\n", command.UseLine())
	if command.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", command.Example)
	}
	var names []string
	for _, child := range command.Commands() {
		if child.IsAvailableCommand() || child.Name() == "help" {
			names = append(names, fmt.Sprintf("  %-*s %s\n", child.NamePadding(), child.Name(), child.Short))
		}
	}
	if len(names) > 0 {
		fmt.Fprintf(&b, "\nCommands:\n%s", strings.Join(names, ""))
	}
	byGroup := map[string]*pflag.FlagSet{}
	command.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		group := strings.Join(flag.Annotations[groupAnnotation], "")
		if byGroup[group] == nil {
			byGroup[group] = pflag.NewFlagSet(group, pflag.ContinueOnError)
		}
		byGroup[group].AddFlag(flag)
	})
	for _, group := range groups() {
		if flags := byGroup[group]; flags != nil {
			title := group
			if title == "" {
				title = "Flags"
			}
			fmt.Fprintf(&b, "\n%s:\n%s", title, flags.FlagUsagesWrapped(helpWidth))
		}
	}
	if command.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n\"%s COMMAND --help\" says more of a command.\n", command.CommandPath())
	}
	_, err := fmt.Fprint(command.OutOrStdout(), asTyped(command, b.String()))
	return err
}

// help prints what a command is for, and how it is called.
func help(command *cobra.Command, _ []string) {
	text := command.Long
	if text == "" {
		text = command.Short
	}
	var paragraphs []string
	for _, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		paragraphs = append(paragraphs, wrap(asTyped(command, paragraph)))
	}
	if _, err := fmt.Fprintln(command.OutOrStdout(), strings.Join(paragraphs, "\n\n")+"\n"); err == nil {
		_ = command.Usage() // where the help cannot be printed nobody would see why
	}
}

// asTyped calls the program in a text as the user called it.
func asTyped(command *cobra.Command, text string) string {
	return strings.ReplaceAll(text, usualName, command.Root().CommandPath())
}

// wrap breaks the lines of a paragraph anew; one that has indented lines stays as it is.
func wrap(paragraph string) string {
	if strings.HasPrefix(paragraph, " ") || strings.Contains(paragraph, "\n ") || strings.Contains(paragraph, "\n\t") {
		return paragraph
	}
	return display.Wrap(paragraph, helpWidth)
}

// renaming calls the program in messages as the user called it: "kubectl rebuild" in place of "oc rebuild".
type renaming struct {
	to   io.Writer
	name string
}

// Inner implements display.Decorated.
func (r renaming) Inner() io.Writer { return r.to }

// Write implements io.Writer.
func (r renaming) Write(p []byte) (int, error) {
	if _, err := r.to.Write(bytes.ReplaceAll(p, []byte(usualName), []byte(r.name))); err != nil {
		return 0, err
	}
	return len(p), nil
}
