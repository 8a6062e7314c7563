package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/tekton"
)

const followLong = `Follow a run of a plan on a cluster, started by oc rebuild --engine tekton, until it ends. The last line of output is the payload's pull spec.

The run continues when this command is interrupted; --cancel stops it.`

const followExample = `  # List the runs, and follow one
  oc rebuild runs
  oc rebuild follow rebuild-k3x7pq2a

  # Cancel it
  oc rebuild follow rebuild-k3x7pq2a --cancel`

// followOptions are the flags of follow.
type followOptions struct {
	publishOptions
	cancel bool
}

func newFollow(streams Streams) *cobra.Command {
	var o followOptions
	command := &cobra.Command{
		Use:     "follow RUN",
		Short:   "Follow a run on a cluster until it ends",
		Long:    followLong,
		Example: followExample,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(command *cobra.Command, args []string) error {
			return runFollow(command.Context(), streams, &o, args[0])
		},
	}
	flags := command.Flags()
	flags.BoolVar(&o.cancel, "cancel", false, "cancel the run and wait until its pods are gone")
	o.kube.apply(flags)
	o.kube.applyNamespace(flags, "of the run")
	o.output.apply(flags, "text or name (the pull spec), "+structured)
	o.output.applyProgress(flags)
	return command
}

func runFollow(ctx context.Context, streams Streams, o *followOptions, name string) error {
	if err := o.output.check("name"); err != nil {
		return err
	}
	api, err := o.kube.connect()
	if err != nil {
		return err
	}
	target := &tekton.Cluster{API: api}
	err = o.showOrCancel(ctx, streams, target, name)
	if errors.Is(err, cluster.ErrNotFound) {
		return fault.New(fault.Unresolved, "`oc rebuild runs` lists those of a namespace (-n).",
			fmt.Errorf("there is no run %q in namespace %q of cluster %s", name, api.Namespace, api.Host))
	}
	return err
}

func (o *followOptions) showOrCancel(ctx context.Context, streams Streams, target *tekton.Cluster, name string) error {
	if o.cancel {
		ctx, stop := context.WithTimeout(ctx, cancelling)
		defer stop()
		return target.Cancel(ctx, name)
	}
	made, err := o.show(ctx, streams, target, name)
	if made == nil {
		return err
	}
	return errors.Join(err, o.printMade(ctx, streams, made, nil))
}
