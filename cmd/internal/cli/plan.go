package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

const planLong = `Show what oc rebuild would do: the source of each component, the ci-operator config and Dockerfile that CI builds it with, what every
base image resolves to and why, what was tried before, the labels, and where the image would go.

With --all every component of the payload is planned, from the configs alone: no source is fetched, so that a base is what the config
declares, and references that stand only in a Dockerfile are not seen.

What cannot be built is in the plan with the reason, and the exit code is 3; images of a whole payload that record no source are not counted.`

const planExample = `  # How CI builds a component, and on what
  oc rebuild plan cluster-dns-operator --from-release R

  # What is built from what in a whole payload, as a picture
  oc rebuild plan --all --from-release R -o dot | dot -Tsvg > payload.svg

  # What else has to be built when cli changes
  oc rebuild plan cli=../oc --with-dependents --from-release R`

// planOptions are the flags of plan.
type planOptions struct{ jobOptions }

func newPlan(streams Streams) *cobra.Command {
	var o planOptions
	command := &cobra.Command{
		Use:     "plan COMPONENT[=SOURCE]... --from-release REF",
		Short:   "Resolve everything that a rebuild needs, build nothing",
		Long:    planLong,
		Example: planExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, args []string) error {
			return runPlan(command.Context(), streams, &o, args)
		},
	}
	o.apply(command.Flags())
	command.Flags().BoolVar(&o.all, "all", false, "plan every component of the payload, from the configs alone")
	o.output.apply(command.Flags(), "text, json, yaml, dot, mermaid")
	return command
}

func runPlan(ctx context.Context, streams Streams, o *planOptions, args []string) (err error) {
	if err := oneOf("output", o.output.format, "", "text", "json", "yaml", "dot", "mermaid"); err != nil {
		return err
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
	err = o.with(streams, func(job *rebuild.Job) error {
		if planned, problem = job.Plan(ctx, request); planned == nil {
			return problem
		}
		return nil
	}, func() error { return o.print(streams.Out, planned) })
	if planned == nil {
		return err
	}
	return errors.Join(problem, err)
}

// print writes the plan, what cannot be built included.
func (o *planOptions) print(out io.Writer, planned *plan.Plan) error {
	switch o.output.format {
	case "json", "yaml":
		return display.Structured(out, o.output.format, planned)
	case "dot":
		return writePlan(out, drawDot(planned))
	case "mermaid":
		return writePlan(out, drawMermaid(planned))
	}
	if o.all {
		return writePlan(out, listPlan(planned))
	}
	return writePlan(out, printPlan(planned))
}
