package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/upgrade"
)

// upgradeOptions say what becomes of a new payload.
type upgradeOptions struct{ upgrade bool }

func (o *upgradeOptions) apply(flags *pflag.FlagSet) {
	defer grouped(flags, groupCluster)()
	flags.BoolVar(&o.upgrade, "upgrade", false,
		"upgrade the cluster in the kubeconfig to the new payload, and follow it until it is done")
}

// check refuses a cluster that cannot be upgraded, before anything is built.
func (o *upgradeOptions) check(ctx context.Context, kube *kubeOptions) error {
	if !o.upgrade {
		return nil
	}
	c, err := kube.connect()
	if err != nil {
		return fmt.Errorf("--upgrade: %w", err)
	}
	return upgrade.Check(ctx, c)
}

// carryOn upgrades the cluster to a payload, or says how. Of the images that were pushed the payload is the first.
func (o *upgradeOptions) carryOn(ctx context.Context, streams Streams, job *jobOptions, images ...string) error {
	image, output := images[0], job.output
	if !o.upgrade {
		if !output.isQuiet() && !output.isStructured() {
			streams.notice("Next: oc adm upgrade --allow-explicit-upgrade --force --to-image=" + plain.Line(image))
		}
		return nil
	}
	c, err := job.kube.connect()
	if err != nil {
		return err
	}
	if err := job.registry.pullable(ctx, streams, c, images...); err != nil {
		return err
	}
	if err := upgrade.Start(ctx, c, image); err != nil {
		return err
	}
	return upgrade.Follow(ctx, c, image, 5*time.Second, func(text string) {
		if !output.isQuiet() {
			streams.notice("cluster: " + plain.Line(text))
		}
	})
}
