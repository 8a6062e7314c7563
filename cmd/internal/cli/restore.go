package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/rollout"
)

const restoreLong = `Put back what the cluster in the kubeconfig ran before "oc rebuild deploy", hand the objects back to the cluster version operator, and wait until
their pods run. Without a component, everything that was deployed is taken back. Overrides that somebody made by hand stay.`

const restoreExample = `  # Everything
  oc rebuild restore

  # One component
  oc rebuild restore machine-config-operator`

// restoreOptions are the flags of restore.
type restoreOptions struct {
	kube    kubeOptions
	hosted  string
	noWait  bool
	quiet   bool
	timeout time.Duration
}

func newRestore(streams Streams) *cobra.Command {
	var o restoreOptions
	command := &cobra.Command{
		Use:     "restore [COMPONENT]...",
		Short:   "Take back what was deployed on a cluster",
		Long:    restoreLong,
		Example: restoreExample,
		RunE: func(command *cobra.Command, args []string) error {
			return runRestore(command.Context(), streams, &o, args)
		},
	}
	flags := command.Flags()
	o.kube.apply(flags)
	flags.StringVar(&o.hosted, "hosted-cluster", "", "`NAMESPACE/NAME` of a HyperShift HostedCluster on the cluster, which is changed instead")
	flags.BoolVar(&o.noWait, "no-wait", false, "do not wait until the pods run")
	flags.DurationVar(&o.timeout, "timeout", 10*time.Minute, "how long to wait for the pods")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no messages but errors")
	return command
}

func runRestore(ctx context.Context, streams Streams, o *restoreOptions, components []string) error {
	api, err := o.kube.connect()
	if err != nil {
		return err
	}
	target := &rollout.Cluster{API: api, Tell: func(text string) {
		if !o.quiet {
			streams.notice("cluster: " + plain.Line(text))
		}
	}}
	if o.hosted != "" {
		return target.RestoreHosted(ctx, o.hosted, components...)
	}
	workloads, err := target.Restore(ctx, components...)
	if err != nil {
		return err
	}
	if len(workloads) == 0 {
		return display.Line(streams.Out, "Nothing is deployed: the cluster runs its payload.")
	}
	if o.noWait {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fault.Errorf(fault.Publish, "the pods are not there after %s (--timeout)", o.timeout))
	defer cancel()
	return follow(ctx, target, workloads)
}
