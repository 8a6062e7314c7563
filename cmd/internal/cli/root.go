package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// Streams are the program's standard streams. Results go to Out, everything else to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// notice says something that is no result.
func (s Streams) notice(text string) { fmt.Fprintln(s.Err, text) }

// once says something in the process that the user started: in namespaces of its own the program begins again.
func (s Streams) once(text string) {
	if !builder.StartedAgain() {
		s.notice(text)
	}
}

// Execute runs the program with its arguments (the first is the program's own path) and returns its exit code.
func Execute(ctx context.Context, streams Streams, version string, args []string) int {
	name := displayName(args[0])
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	out := &watched{to: streams.Out, end: end}
	streams.Out, streams.Err = out, &watched{to: streams.Err, end: end}
	command := New(streams, version, name)
	if name != usualName { // results stay as they are
		streams.Err = renaming{streams.Err, name}
		command.SetErr(streams.Err)
	}
	command.SetArgs(args[1:])
	command, err := command.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if errors.Is(context.Cause(ctx), errUnread) {
		return unreadCode
	}
	if ctx.Err() != nil {
		err = fault.New(fault.Interrupted, "", err)
	}
	to := streams.Out
	file, _ := command.Flags().GetString("to-file") // "" where a command does not have it
	dry, _ := command.Flags().GetBool("dry-run")
	if file == "-" && !dry { // where the layer of a payload goes
		to = streams.Err
	}
	if to == streams.Err || !out.used.Load() { // else there is a result, or the failure of a job
		format, _ := command.Flags().GetString("output")
		err = fault.Join(err, printFailure(to, format, err))
	}
	color, _ := command.Flags().GetString("color") // "" where a command does not have it
	display.Error(streams.Err, err, color)
	return int(fault.KindOf(err))
}

// displayName is how the user typed the command: kubectl hands over the plugin's path, in which underscores stand for
// dashes, and krew names the file after its own plugin. A plugin of oc is installed as oc-rebuild.
func displayName(path string) string {
	if plugin, ok := strings.CutPrefix(filepath.Base(path), "kubectl-"); ok {
		return "kubectl " + strings.ReplaceAll(plugin, "_", "-")
	}
	return usualName
}

// usualName is how the program is called in its texts.
const usualName = "oc rebuild"

// New returns the root command, which is the main job itself.
func New(streams Streams, version, name string) *cobra.Command {
	root := newRebuild(streams)
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: name}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	root.Version = version // which gives it --version
	root.SetVersionTemplate(collectVersion(version).String())
	root.SetUsageFunc(usage)
	root.SetHelpFunc(help)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentPreRunE = func(command *cobra.Command, _ []string) error {
		verbose, _ := command.Flags().GetBool("verbose") // false where a command does not have it
		routeLibraries(streams.Err, verbose)
		return applyDefaults(streams, command)
	}
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return fault.New(fault.Usage, "`"+command.CommandPath()+" --help` lists the flags.", err)
	})
	root.AddCommand(newPlan(streams), newApply(streams), newComponent(streams), newAssemble(streams), newRuns(streams),
		newFollow(streams), newDeploy(streams), newStatus(streams), newRestore(streams), newInfo(streams),
		newNew(streams), newExtract(streams), newMirror(streams),
		newDoctor(streams), newCache(streams), newConfig(streams), newVersion(streams, version))
	complete(root)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, command := range root.Commands() {
		switch command.Name() {
		case "help": // cobra shows the help of the program for a command that there is not
			show := command.Run
			command.Run = nil
			command.RunE = func(help *cobra.Command, args []string) error {
				if found, rest, err := root.Find(args); err != nil || found == root && len(rest) > 0 {
					return noCommand(root, args[0])
				}
				show(help, args)
				return nil
			}
		case "completion": // and its own for a shell that it does not know
			command.Args = cobra.ArbitraryArgs
			command.RunE = func(completion *cobra.Command, args []string) error {
				if len(args) == 0 {
					return completion.Help()
				}
				return fault.New(fault.Usage, "There is one for bash, fish, powershell and zsh.",
					fmt.Errorf("there is no completion for %q", args[0]))
			}
		}
	}
	return root
}

// noCommand is the error for a command that there is not.
func noCommand(root *cobra.Command, name string) error {
	advice := "`" + root.CommandPath() + " --help` lists the commands."
	if like := root.SuggestionsFor(name); len(like) > 0 {
		advice = "Did you mean " + strings.Join(like, " or ") + "?"
	}
	return fault.New(fault.Usage, advice, fmt.Errorf("there is no command %q", name))
}

// usageArgs gives the class fault.Usage to what a cobra argument check finds.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(command *cobra.Command, args []string) error {
		return fault.New(fault.Usage, "Usage: "+command.UseLine(), check(command, args))
	}
}
