package cli

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/rollout"
)

// rolloutOptions say what is changed on a cluster, and how long that is waited for.
type rolloutOptions struct {
	hosted  string
	noWait  bool
	timeout time.Duration
}

func (o *rolloutOptions) apply(flags *pflag.FlagSet) {
	flags.StringVar(&o.hosted, "hosted-cluster", "",
		"change the HyperShift HostedCluster `NAMESPACE/NAME` on the cluster instead")
	flags.BoolVar(&o.noWait, "no-wait", false, "do not wait for the new pods to run")
	flags.DurationVar(&o.timeout, "timeout", 10*time.Minute, "how long to wait for the new pods and their operators")
}

// target is the cluster behind an API server; what is done there is told, unless quiet is set.
func (o *rolloutOptions) target(streams Streams, api *cluster.Cluster, quiet bool) *rollout.Cluster {
	return &rollout.Cluster{API: api, Tell: func(text string) {
		if !quiet {
			streams.notice("cluster: " + plain.Line(text))
		}
	}}
}

// wait waits for new pods, and for what their operators do after that.
func (o *rolloutOptions) wait(ctx context.Context, target *rollout.Cluster, workloads []rollout.Object) error {
	if o.noWait {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout,
		fault.Errorf(fault.Publish, "the pods are not there after %s (--timeout)", o.timeout))
	defer cancel()
	if err := target.Wait(ctx, workloads, time.Second); err != nil {
		return err
	}
	return target.Settle(ctx, workloads, time.Second)
}
