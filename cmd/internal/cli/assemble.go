package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

const assembleLong = `Assemble the payload of a plan that oc rebuild plan wrote, from images built elsewhere, each by its own "oc rebuild component".

Pass every component that the plan builds, as NAME=PULLSPEC by digest. The payload is the same as "oc rebuild apply" makes. NAME=left
leaves a component that could not be built as it was.

For several platforms, pass each component once per platform: the payload is a manifest list. The plan is that of the first platform.`

func newAssemble(streams Streams) *cobra.Command {
	var o partOptions
	command := &cobra.Command{
		Use:     "assemble NAME=PULLSPEC... --plan PLAN --to-image REF",
		Short:   "Assemble the payload of a saved plan from images built elsewhere",
		Long:    assembleLong,
		Example: componentExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, args []string) error {
			return runAssemble(command.Context(), streams, &o, args)
		},
	}
	flags := command.Flags()
	o.applyTarget(flags)
	o.applyPlan(command)
	o.registry.describePlatforms(flags)
	o.registry.applyPush(flags)
	o.output.apply(flags, "text or name (the pull spec), "+structured)
	o.output.applyProgress(flags)
	return command
}

func runAssemble(ctx context.Context, streams Streams, o *partOptions, args []string) error {
	if err := errors.Join(o.output.check("name"), o.checkTarget()); err != nil {
		return err
	}
	if err := builder.EnterUserNamespace(ctx); err != nil {
		return err
	}
	planned, images, err := o.read(ctx, streams, args)
	if err != nil {
		return err
	}
	return withScratch(ctx, streams, o.output, func() error {
		return o.publish(ctx, streams, func(lanes rebuild.Lanes) (*rebuild.Result, error) {
			result, err := lanes.Assemble(ctx, planned, o.target(), images)
			if err != nil {
				return nil, err
			}
			return result, o.keep(result.Release.Image)
		})
	})
}
