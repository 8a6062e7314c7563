package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

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
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.kubeconfig
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules,
		&clientcmd.ConfigOverrides{CurrentContext: o.context}).ClientConfig()
	if err != nil {
		return "", fault.New(fault.Usage, "Name a release, or a cluster with --kubeconfig.",
			fmt.Errorf("no release is named, and the cluster cannot be asked: %w", err))
	}
	ref, err := desiredRelease(ctx, config)
	if err != nil {
		return "", fault.New(fault.KindOf(err), "Name a release as an argument.",
			fmt.Errorf("asking the cluster %s for its release: %w", config.Host, err))
	}
	return ref, nil
}

func desiredRelease(ctx context.Context, config *rest.Config) (string, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return "", err
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return "", err
	}
	url := base.JoinPath("apis/config.openshift.io/v1/clusterversions/version").String()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized, http.StatusForbidden:
		return "", fault.Errorf(fault.Unauthorized, "the cluster answered %s", response.Status)
	default:
		return "", fault.Errorf(fault.Unresolved, "the cluster answered %s", response.Status)
	}
	var version struct {
		Status struct {
			Desired struct {
				Image string `json:"image"`
			} `json:"desired"`
		} `json:"status"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxClusterVersion)).Decode(&version); err != nil {
		return "", err
	}
	if version.Status.Desired.Image == "" {
		return "", fault.Errorf(fault.Unresolved, "its cluster version names no release")
	}
	return version.Status.Desired.Image, nil
}
