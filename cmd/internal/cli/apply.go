package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

const applyLong = `Carry out a plan that oc rebuild plan wrote as json or yaml: build its images, push them, and assemble the payload.

Nothing is looked up again. The same plan gives the same images and the same payload on another machine, with another cache, later. Patches
are in it; a working tree and the files for an operating system image go along with a plan in a registry.

PLAN is a file, - for standard input, or the pull spec by digest that "oc rebuild plan --push" printed.`

const applyExample = `  # Plan here, build there
  oc rebuild plan cluster-dns-operator=#42 --from-release R -o json > plan.json
  oc rebuild apply plan.json --to-image quay.io/me/okd-release:dns`

func newApply(streams Streams) *cobra.Command {
	var o publishOptions
	command := &cobra.Command{
		Use:     "apply PLAN --to-image REF",
		Short:   "Build what a saved plan says",
		Long:    applyLong,
		Example: applyExample,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(command *cobra.Command, args []string) error {
			return runApply(command.Context(), streams, &o, args[0])
		},
	}
	flags := command.Flags()
	o.applyTarget(flags)
	o.applyBuild(flags)
	o.recipe.applyLimits(flags)
	o.kube.apply(flags)
	return command
}

func runApply(ctx context.Context, streams Streams, o *publishOptions, name string) error {
	if err := o.checkBuild(); err != nil {
		return err
	}
	if err := o.after.check(ctx, &o.kube); err != nil {
		return err
	}
	if o.engine.isCluster() {
		return o.onCluster(ctx, streams, func(repository string) (*plan.Plan, string, error) {
			planned, err := o.readPlan(ctx, streams, name)
			if err == nil {
				err = o.with(streams, func(job *rebuild.Job) error { return job.Check(ctx, planned, o.target()) },
					func() error { return nil })
			}
			if err != nil || o.artifact != "" {
				return planned, o.artifact, err
			}
			pullSpec, err := o.registry.pushPlan(ctx, streams, planned, repository)
			return planned, pullSpec, err
		})
	}
	if err := builder.EnterUserNamespace(ctx); err != nil { // starts the program again: standard input can be read once
		return err
	}
	planned, err := o.readPlan(ctx, streams, name)
	if err != nil {
		return err
	}
	return withScratch(ctx, streams, o.output, func() error {
		return o.publish(ctx, streams, func(job *rebuild.Job) (*rebuild.Result, error) {
			return job.Apply(ctx, planned, o.target())
		})
	})
}
