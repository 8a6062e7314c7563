package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
)

func newPlan(streams Streams) *cobra.Command {
	var o jobOptions
	command := &cobra.Command{
		Use:   "plan COMPONENT[=SOURCE]... --from-release REF",
		Short: "Resolve everything that a rebuild needs, build nothing",
		Long: `Show what oc rebuild would do: the source of each component, the ci-operator config and Dockerfile that CI builds it with, what every
base image resolves to and why, the labels, and where the image would go.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, args []string) error {
			return runPlan(command.Context(), streams, &o, args)
		},
	}
	o.apply(command.Flags())
	o.output.apply(command.Flags(), "text, json, yaml")
	return command
}

func runPlan(ctx context.Context, streams Streams, o *jobOptions, args []string) (err error) {
	if o.output.format != "" {
		if err := oneOf("output", o.output.format, "text", "json", "yaml"); err != nil {
			return err
		}
	}
	request, err := o.request(args)
	if err != nil {
		return err
	}
	progress, finish := newProgress(streams, o.output)
	defer finish()
	job, closeJob, err := o.open(progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeJob()) }()
	plan, err := job.Plan(ctx, request)
	finish()
	if err != nil {
		return err
	}
	if o.output.format == "json" || o.output.format == "yaml" {
		return writeStructured(streams.Out, o.output.format, plan)
	}
	return printPlan(streams.Out, plan)
}

// printPlan writes a plan for people.
func printPlan(w io.Writer, plan *rebuild.Plan) error {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	row := func(cells ...string) {
		for i := range cells {
			cells[i] = plain.Line(cells[i])
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	row("Release:", plan.Release.Name)
	row("", plan.Release.Image)
	row("", plan.Release.Digest.String())
	row("Stream:", plan.Release.Stream.Namespace+"/"+plan.Release.Stream.Name)
	for _, component := range plan.Components {
		row("")
		row("Component:", component.Name)
		if component.Source.Kind == "image" {
			row("  Image:", component.Target, "(exists already)")
			continue
		}
		printComponent(row, component)
	}
	if len(plan.Order) > 1 {
		row("")
		for i, group := range plan.Order {
			row(fmt.Sprintf("Step %d:", i+1), strings.Join(group, ", "))
		}
	}
	for _, warning := range plan.Warnings {
		row("")
		row("Warning:", warning)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the plan: %w", err)
	}
	return nil
}

func printComponent(row func(...string), c rebuild.PlannedComponent) {
	state := ""
	if c.Source.Dirty {
		state = " with uncommitted changes or patches"
	}
	from := c.Source.Repository
	if c.Source.Kind == rebuild.SourceOSImage {
		from = "the payload's own image, " + c.Image
	}
	if c.Source.Path != "" {
		from = c.Source.Path
	}
	row("  Source:", from)
	row("", c.Source.Commit+state)
	if c.Source.Ref != "" {
		row("", "branch "+c.Source.Ref)
	}
	row("  Config:", c.Recipe.Config, c.Recipe.Reason)
	row("", "from "+c.Recipe.Origin+", image "+c.Recipe.Image)
	row("  Dockerfile:", c.Recipe.Dockerfile, "in "+c.Recipe.ContextDir)
	for _, arg := range c.Recipe.BuildArgs {
		row("  Argument:", arg.Name+"="+arg.Value)
	}
	for _, base := range c.Bases {
		name := base.Image
		if name == "" {
			name = base.Reference
		}
		pulled := base.PullSpec
		if pulled == "" {
			pulled = "built in this run"
		}
		row("  Base:", name, base.From+": "+base.Reason)
		row("", fmt.Sprintf("line %d: %s", base.Line, base.Reference))
		row("", pulled)
	}
	if c.Target != "" {
		row("  Pushed to:", c.Target)
	}
}
