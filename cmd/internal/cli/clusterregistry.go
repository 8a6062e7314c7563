package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// clusterRepository is where images go in a cluster's own registry: what is in the project "openshift" every service
// account may pull.
const clusterRepository = "openshift/oc-rebuild"

// clusterRegistry is the image registry that an OpenShift has, by the host of its route and by that of its service.
type clusterRegistry struct{ route, service string }

// findClusterRegistry asks a cluster for its registry.
func findClusterRegistry(ctx context.Context, api *cluster.Cluster) (clusterRegistry, error) {
	var config struct {
		Status struct {
			Internal string   `json:"internalRegistryHostname"`
			External []string `json:"externalRegistryHostnames"`
		} `json:"status"`
	}
	if err := api.Get(ctx, "apis/config.openshift.io/v1/images/cluster", &config); err != nil {
		return clusterRegistry{}, fault.New(fault.KindOf(err), "Name a registry with --to-repository.",
			fmt.Errorf("looking for the cluster's registry: %w", err))
	}
	switch {
	case config.Status.Internal == "":
		return clusterRegistry{}, fault.New(fault.Unresolved, "Name a registry with --to-repository.",
			errors.New("the cluster has no image registry"))
	case len(config.Status.External) == 0:
		return clusterRegistry{}, fault.New(fault.Unresolved,
			`Open one: oc patch configs.imageregistry.operator.openshift.io/cluster --type=merge -p '{"spec":{"defaultRoute":true}}'`,
			errors.New("no route leads to the cluster's image registry"))
	}
	return clusterRegistry{config.Status.External[0], config.Status.Internal}, nil
}

// repository is where images are pushed.
func (r clusterRegistry) repository() string { return r.route + "/" + clusterRepository }

// inside returns the pull spec by which the cluster gets an image that was pushed.
func (r clusterRegistry) inside(image string) string {
	if rest, ok := strings.CutPrefix(image, r.route+"/"); ok && r.service != "" {
		return r.service + "/" + rest
	}
	return image
}

// login makes pushes use the credentials of the kubeconfig and trust the cluster's certificates. Both are written to
// files in a directory that is nobody else's.
func (r clusterRegistry) login(ctx context.Context, api *cluster.Cluster, o *registryOptions, directory string) error {
	token, err := api.Token(ctx)
	if err != nil {
		return fmt.Errorf("reading the credentials for the cluster's registry: %w", err)
	}
	if token == "" {
		return fault.New(fault.Unauthorized, "Log in to the cluster with `oc login`, which gets one.",
			errors.New("the cluster's registry takes tokens, and the kubeconfig has none: it has a certificate"))
	}
	auth, err := json.Marshal(map[string]any{"auths": map[string]any{r.route: map[string]any{"auth": []byte("oc-rebuild:" + token)}}})
	if err != nil {
		return err
	}
	o.pushAuthFile = filepath.Join(directory, "auth.json")
	if err := os.WriteFile(o.pushAuthFile, auth, 0o600); err != nil {
		return fmt.Errorf("writing the credentials for the cluster's registry: %w", err)
	}
	var ingress struct {
		Data map[string]string `json:"data"`
	}
	err = api.Get(ctx, "api/v1/namespaces/openshift-config-managed/configmaps/default-ingress-cert", &ingress)
	if bundle := ingress.Data["ca-bundle.crt"]; err == nil && bundle != "" {
		if path := o.CertificateAuthority; path != "" { // of other registries, and maybe a default
			own, err := regular.Read(path, maxInput)
			if err != nil {
				return fault.Errorf(fault.Usage, "--certificate-authority %q: %w", path, err)
			}
			bundle = string(own) + "\n" + bundle
		}
		o.CertificateAuthority = filepath.Join(directory, "ca.crt")
		if err := os.WriteFile(o.CertificateAuthority, []byte(bundle), 0o600); err != nil {
			return fmt.Errorf("writing the certificates of the cluster: %w", err)
		}
	}
	return nil
}

// withClusterRegistry logs in to the cluster's registry for what do does; without one it just does it.
func (o *deployOptions) withClusterRegistry(ctx context.Context, api *cluster.Cluster, do func() error) (err error) {
	if !o.toCluster {
		return do()
	}
	directory, err := os.MkdirTemp("", "oc-rebuild-login-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	if err := o.inCluster.login(ctx, api, &o.registry, directory); err != nil {
		return err
	}
	return do()
}
