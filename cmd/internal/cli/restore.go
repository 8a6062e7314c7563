package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
)

const restoreLong = `Put back what the cluster in the kubeconfig ran before "oc rebuild deploy", hand the objects back to the cluster version operator, and wait until
their pods run. Without a component, everything that was deployed is undone. Overrides made by hand stay.`

const restoreExample = `  # Everything
  oc rebuild restore

  # One component
  oc rebuild restore machine-config-operator`

// restoreOptions are the flags of restore.
type restoreOptions struct {
	kube    kubeOptions
	rollout rolloutOptions
	quiet   bool
}

func newRestore(streams Streams) *cobra.Command {
	var o restoreOptions
	command := &cobra.Command{
		Use:     "restore [COMPONENT]...",
		Short:   "Undo what was deployed on a cluster",
		Long:    restoreLong,
		Example: restoreExample,
		RunE: func(command *cobra.Command, args []string) error {
			return runRestore(command.Context(), streams, &o, args)
		},
	}
	flags := command.Flags()
	o.kube.apply(flags)
	o.rollout.apply(flags)
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no messages except errors")
	return command
}

func runRestore(ctx context.Context, streams Streams, o *restoreOptions, components []string) error {
	api, err := o.kube.connect()
	if err != nil {
		return err
	}
	target := o.rollout.target(streams, api, o.quiet)
	if o.rollout.hosted != "" {
		return target.RestoreHosted(ctx, o.rollout.hosted, components...)
	}
	workloads, err := target.Restore(ctx, components...)
	if err != nil {
		return err
	}
	if len(workloads) == 0 {
		return display.Line(streams.Out, "Nothing is deployed: the cluster runs its payload.")
	}
	return o.rollout.wait(ctx, target, workloads)
}
