package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// maxClusterVersion is the largest answer that is read from a cluster, in bytes.
const maxClusterVersion = 8 << 20

// kubeOptions say which cluster is meant. The names are kubectl's.
type kubeOptions struct {
	kubeconfig, context string
}

func (o *kubeOptions) apply(flags *pflag.FlagSet) {
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig `file` of the cluster (default: $KUBECONFIG, then ~/.kube/config)")
	flags.StringVar(&o.context, "context", "", "`name` of the kubeconfig context to use")
}

// release asks the cluster which release it runs.
func (o *kubeOptions) release(ctx context.Context) (string, error) {
	config, err := o.config()
	if err != nil {
		return "", fault.New(fault.Usage, "Name a release, or a cluster with --kubeconfig.",
			fmt.Errorf("no release is named, and the cluster cannot be asked: %w", err))
	}
	status, err := readVersion(ctx, config)
	if err == nil && status.Desired.Image == "" {
		err = fault.Errorf(fault.Unresolved, "its cluster version names no release")
	}
	if err != nil {
		return "", fault.New(fault.KindOf(err), "Name a release as an argument.",
			fmt.Errorf("asking the cluster %s for its release: %w", config.Host, err))
	}
	return status.Desired.Image, nil
}

// version returns the pull spec under which the cluster ran, or runs, a version; "" where it never did.
func (o *kubeOptions) version(ctx context.Context, version string) (string, error) {
	config, err := o.config()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // it is not the only one to ask
	defer cancel()
	status, err := readVersion(ctx, config)
	if err != nil {
		return "", err
	}
	for _, update := range append(status.History, status.Desired) {
		if update.Version == version && update.Image != "" {
			return update.Image, nil
		}
	}
	return "", nil
}

func (o *kubeOptions) config() (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: o.context}).ClientConfig()
}

// named is a release as a cluster names it.
type named struct {
	Version string `json:"version"`
	Image   string `json:"image"`
}

// versionStatus is the part of a ClusterVersion's status that names releases.
type versionStatus struct {
	Desired named   `json:"desired"`
	History []named `json:"history"`
}

func readVersion(ctx context.Context, config *rest.Config) (versionStatus, error) {
	var version struct {
		Status versionStatus `json:"status"`
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return version.Status, err
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return version.Status, err
	}
	url := base.JoinPath("apis/config.openshift.io/v1/clusterversions/version").String()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return version.Status, err
	}
	response, err := client.Do(request)
	if err != nil {
		return version.Status, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		err = json.NewDecoder(io.LimitReader(response.Body, maxClusterVersion)).Decode(&version)
	case http.StatusUnauthorized, http.StatusForbidden:
		err = fault.Errorf(fault.Unauthorized, "the cluster answered %s", response.Status)
	default:
		err = fault.Errorf(fault.Unresolved, "the cluster answered %s", response.Status)
	}
	return version.Status, err
}
