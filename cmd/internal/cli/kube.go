package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// kubeOptions say which cluster is meant. The names are kubectl's.
type kubeOptions struct {
	kubeconfig, context, namespace string
}

func (o *kubeOptions) apply(flags *pflag.FlagSet) {
	defer grouped(flags, groupCluster)()
	flags.StringVar(&o.kubeconfig, "kubeconfig", "",
		"kubeconfig `file` of the cluster (default: $KUBECONFIG, then ~/.kube/config)")
	flags.StringVar(&o.context, "context", "", "`name` of the kubeconfig context to use")
}

func (o *kubeOptions) applyNamespace(flags *pflag.FlagSet, of string) {
	defer grouped(flags, groupCluster)()
	flags.StringVarP(&o.namespace, "namespace", "n", "", "`namespace` "+of+" (default: the kubeconfig context's)")
}

func (o *kubeOptions) connect() (*cluster.Cluster, error) {
	c, err := cluster.Connect(o.kubeconfig, o.context)
	if err == nil && o.namespace != "" {
		c.Namespace = o.namespace
	}
	return c, err
}

// release asks the cluster which release it runs, because flag names none.
func (o *kubeOptions) release(ctx context.Context, flag string) (string, error) {
	c, err := o.connect()
	if err != nil {
		return "", fault.New(fault.Usage, "Name a release"+flag+", or a cluster with --kubeconfig.",
			fmt.Errorf("no release is named, and no cluster can be asked for its own: %w", err))
	}
	desired, _, err := c.Releases(ctx)
	if err != nil {
		return "", fault.New(fault.KindOf(err), "Name a release"+flag+".",
			fmt.Errorf("no release is named, and asking for the cluster's own failed: %w", err))
	}
	return desired.Image, nil
}

// version returns the pull spec under which the cluster ran, or runs, a version; "" where it never did, or cannot be
// asked.
func (o *kubeOptions) version(ctx context.Context, version string) string {
	c, err := o.connect()
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // it is not the only one to ask
	defer cancel()
	desired, history, err := c.Releases(ctx)
	if err != nil {
		return ""
	}
	for _, release := range append(history, desired) {
		if release.Version == version {
			return release.Image
		}
	}
	return ""
}

// applySignatures gives the cluster an object with a payload's signatures; one that is there is replaced only where
// overwrite says so.
func (o *kubeOptions) applySignatures(ctx context.Context, name string, object []byte, overwrite bool) error {
	c, err := o.connect()
	if err != nil {
		return err
	}
	const path = "api/v1/namespaces/openshift-config-managed/configmaps"
	err = c.Create(ctx, path, object, nil)
	switch {
	case errors.Is(err, cluster.ErrExists) && overwrite:
		err = c.Replace(ctx, path+"/"+name, object)
	case errors.Is(err, cluster.ErrExists):
		err = fault.New(fault.Publish, "--overwrite replaces it.", err)
	}
	if err != nil {
		return fmt.Errorf("applying the payload's signatures: %w", err)
	}
	return nil
}
