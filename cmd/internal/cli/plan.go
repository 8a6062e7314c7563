package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

const planLong = `Show what oc rebuild would do: the source of each component, the ci-operator config and Dockerfile that CI builds it with, what every
base image resolves to and why, what was tried before, the labels, and where the image would go.

With --all, every component of the payload is planned, from the configs alone: no source is fetched, so a base is what the config
declares, and references that appear only in a Dockerfile are not seen.

What cannot be built is listed in the plan with the reason, and the exit code is that of the first problem, mostly 3; with --all,
images that record no source do not count.`

const planExample = `  # How CI builds a component, and on what
  oc rebuild plan cluster-dns-operator --from-release R

  # What is built from what in a whole payload, as a picture
  oc rebuild plan --all --from-release R -o svg > payload.svg

  # What has changed since last week's plan: commits, recipes, bases
  oc rebuild plan cluster-dns-operator --from-release R --diff plan.json

  # What else must be built when cli changes
  oc rebuild plan cli=../oc --with-dependents --from-release R`

// planOptions are the flags of plan.
type planOptions struct {
	jobOptions
	diff string
	push string
}

func newPlan(streams Streams) *cobra.Command {
	var o planOptions
	command := &cobra.Command{
		Use:     "plan [COMPONENT[=SOURCE]]... --from-release REF",
		Short:   "Resolve everything a rebuild needs, but build nothing",
		Long:    planLong,
		Example: planExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, args []string) error {
			return runPlan(command.Context(), streams, &o, args)
		},
	}
	o.apply(command.Flags())
	command.Flags().BoolVar(&o.all, "all", false, "plan every component of the payload, from the configs alone")
	command.Flags().StringVar(&o.diff, "diff", "",
		"print what has changed since the plan in this `FILE`, written with -o json or yaml")
	command.Flags().StringVar(&o.push, "push", "",
		"push the plan to this `REPOSITORY` and print its pull spec, for apply")
	o.registry.applyPush(command.Flags())
	o.output.applyProgress(command.Flags())
	o.output.apply(command.Flags(), "text, svg, dot, mermaid, "+structured)
	return command
}

func runPlan(ctx context.Context, streams Streams, o *planOptions, args []string) (err error) {
	if err := o.output.check("svg", "dot", "mermaid"); err != nil {
		return err
	}
	if o.push != "" {
		if o.diff != "" || o.output.format != "" {
			return fault.Errorf(fault.Usage, "--push prints the plan's pull spec alone: leave --diff and -o out")
		}
		if err := registry.CheckRepository(o.push); err != nil {
			return fmt.Errorf("--push: %w", err)
		}
	}
	var before *plan.Plan
	if o.diff != "" {
		if err := o.output.check(); err != nil {
			return err
		}
		data, err := readInput(streams, o.diff)
		if err != nil {
			return err
		}
		if before, err = plan.Decode(data); err != nil {
			return fmt.Errorf("--diff %q: %w", o.diff, err)
		}
	}
	request, err := o.request(ctx, streams, args)
	if err != nil {
		return err
	}
	if request.All = o.all; o.all && len(request.Targets) > 0 {
		return fault.Errorf(fault.Usage, "--all plans every component: name none")
	}
	var planned *plan.Plan
	var problem error // comes after the plan that has it
	var pullSpec string
	err = o.with(streams, func(job *rebuild.Job) (err error) {
		if planned, problem = job.Plan(ctx, request); planned == nil {
			return problem
		}
		if o.push != "" && problem == nil {
			pullSpec, err = job.Push(ctx, planned, o.push)
		}
		return err
	}, func() error {
		if pullSpec != "" {
			return display.Line(streams.Out, pullSpec)
		}
		if before != nil {
			return o.printChanges(streams.Out, plan.Compare(before, planned))
		}
		return o.print(streams.Out, planned)
	})
	if planned == nil {
		return err
	}
	return errors.Join(problem, err)
}

// print writes the plan, what cannot be built included.
func (o *planOptions) print(out io.Writer, planned *plan.Plan) error {
	if o.output.isStructured() {
		return o.output.print(out, planned)
	}
	switch o.output.format {
	case "dot":
		return writePlan(out, drawDot(planned))
	case "svg":
		return writePlan(out, drawSVG(planned))
	case "mermaid":
		return writePlan(out, drawMermaid(planned))
	}
	width := display.Width(out)
	if o.all {
		return writePlan(out, display.Cut(listPlan(planned), width))
	}
	return writePlan(out, printPlan(planned, width))
}

// printChanges writes what is different in two plans.
func (o *planOptions) printChanges(out io.Writer, changes []plan.Change) error {
	if o.output.isStructured() {
		return o.output.print(out, append([]plan.Change{}, changes...))
	}
	if len(changes) == 0 {
		return display.Line(out, "Nothing is different.")
	}
	for i, change := range changes {
		if i == 0 || change.Name != changes[i-1].Name {
			if err := display.Line(out, cmp.Or(change.Name, "payload")+":"); err != nil {
				return err
			}
		}
		for _, line := range []string{"  " + change.Field, "    - " + change.Old, "    + " + change.New} {
			if err := display.Line(out, line); err != nil {
				return err
			}
		}
	}
	return nil
}
