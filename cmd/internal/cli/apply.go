package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/tekton"
)

const applyLong = `Carry out a plan that oc rebuild plan wrote as json or yaml: build its images, push them, and assemble the payload.

Nothing is looked up again: the same plan gives the same images and the same payload later, on another machine, with another cache. Patches
are part of it; a working tree and the files for an operating system image travel with a plan in a registry.

PLAN is a file, - for standard input, or the pull spec by digest that "oc rebuild plan --push" printed.`

const applyExample = `  # Plan here, build there
  oc rebuild plan cluster-dns-operator=#42 --from-release R -o json > plan.json
  oc rebuild apply plan.json --to-image quay.io/me/okd-release:dns`

func newApply(streams Streams) *cobra.Command {
	var o publishOptions
	command := &cobra.Command{
		Use:     "apply PLAN --to-image REF",
		Short:   "Carry out a saved plan",
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
	if err := errors.Join(o.checkBuild(), o.registry.checkOne()); err != nil {
		return err
	}
	if err := o.after.check(ctx, &o.kube); err != nil {
		return err
	}
	if o.engine.isCluster() {
		return o.onCluster(ctx, streams, func(repository string) ([]tekton.Lane, error) {
			planned, err := o.readPlan(ctx, streams, name)
			if err != nil {
				return nil, err
			}
			lane := tekton.Lane{Plan: planned, PullSpec: o.artifact}
			err = o.with(streams, func(job *rebuild.Job) error {
				lane.Platform = job.Platform()
				return job.Check(ctx, planned, o.target())
			}, func() error { return nil })
			if err == nil && lane.PullSpec == "" {
				lane.PullSpec, err = o.registry.pushPlan(ctx, streams, planned, repository)
			}
			return []tekton.Lane{lane}, err
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
		return o.publish(ctx, streams, func(lanes rebuild.Lanes) (*rebuild.Result, error) {
			return lanes[0].Apply(ctx, planned, o.target())
		})
	})
}
