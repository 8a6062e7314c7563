package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

const applyLong = `Carry out a plan that oc rebuild plan wrote as json or yaml: build its images, push them, and assemble the payload.

Nothing is looked up again. The same plan gives the same images and the same payload on another machine, with another cache, later. A plan of a
working tree, of patches or of files for an operating system image stays on the machine that has these: it is refused.

PLAN is a file, or - for standard input.`

const applyExample = `  # Plan here, build there
  oc rebuild plan cluster-dns-operator=#42 --from-release R -o json > plan.json
  oc rebuild apply plan.json --to-image quay.io/me/okd-release:dns`

// applyOptions are the flags of apply.
type applyOptions struct {
	jobOptions
	after upgradeOptions
}

func newApply(streams Streams) *cobra.Command {
	var o applyOptions
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
	o.build.apply(flags)
	o.recipe.applyLimits(flags)
	o.kube.apply(flags)
	o.after.apply(flags)
	o.output.apply(flags, "text (the pull spec), json, yaml")
	return command
}

func runApply(ctx context.Context, streams Streams, o *applyOptions, name string) error {
	if err := errors.Join(o.build.check(o.output), o.recipe.checkLimits()); err != nil {
		return err
	}
	if o.to == "" {
		return fault.New(fault.Usage, "Name where the new payload goes, such as --to-image quay.io/me/okd-release:mine.",
			errors.New("--to-image is missing"))
	}
	if err := o.after.check(ctx, &o.kube); err != nil {
		return err
	}
	if err := builder.EnterUserNamespace(); err != nil { // starts the program again: standard input can be read once
		return err
	}
	data, err := readInput(streams, name)
	if err != nil {
		return err
	}
	planned, err := plan.Read(data)
	if err != nil {
		return fmt.Errorf("plan %q: %w", name, err)
	}
	return withScratch(ctx, streams, o.output, func() (err error) {
		listener, finish := o.output.progress(streams)
		defer finish()
		job, closeJob, err := o.open(streams, listener)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeJob()) }()
		result, err := job.Apply(ctx, planned, plan.Request{To: o.to, ToRepository: o.toRepository, Name: o.name})
		finish()
		if err != nil {
			return err
		}
		if err := printResult(streams, o.output.format, result); err != nil {
			return err
		}
		return o.after.carryOn(ctx, streams, o.output, &o.kube, result.Release.Image)
	})
}
