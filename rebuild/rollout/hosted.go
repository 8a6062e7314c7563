package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// hostedAnnotation of a HostedCluster says which images stand in the place of its release's, as NAME=PULLSPEC with
// commas between them (HyperShift's ImageOverridesAnnotation).
const hostedAnnotation = "hypershift.openshift.io/image-overrides"

// hostedCluster is the part of a HostedCluster that images are changed by.
type hostedCluster struct {
	Metadata struct {
		ResourceVersion string            `json:"resourceVersion"`
		Annotations     map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Release cluster.Release `json:"release"`
	} `json:"spec"`
}

func hostedPath(name string) (string, error) {
	namespace, name, ok := strings.Cut(name, "/")
	if !ok || namespace == "" || name == "" || strings.ContainsAny(namespace+name, "/?%") {
		return "", fault.Errorf(fault.Usage, "--hosted-cluster %q: want NAMESPACE/NAME", namespace+"/"+name)
	}
	return "apis/hypershift.openshift.io/v1beta1/namespaces/" + namespace + "/hostedclusters/" + name, nil
}

// HostedRelease returns the pull spec of the payload that a HostedCluster, NAMESPACE/NAME, runs.
func (c *Cluster) HostedRelease(ctx context.Context, name string) (string, error) {
	path, err := hostedPath(name)
	if err != nil {
		return "", err
	}
	var hosted hostedCluster
	if err := c.API.Get(ctx, path, &hosted); err != nil {
		return "", fmt.Errorf("reading the hosted cluster %q: %w", name, err)
	}
	if hosted.Spec.Release.Image == "" {
		return "", fault.Errorf(fault.Unresolved, "the hosted cluster %q names no release", name)
	}
	return hosted.Spec.Release.Image, nil
}

// SetHosted puts images, by component, in the place of those of a HostedCluster's release.
func (c *Cluster) SetHosted(ctx context.Context, name string, images map[string]string) error {
	return c.changeHosted(ctx, name, func(all map[string]string) error {
		maps.Copy(all, images)
		return nil
	})
}

// RestoreHosted takes images back from a HostedCluster: those of some components, or all.
func (c *Cluster) RestoreHosted(ctx context.Context, name string, components ...string) error {
	return c.changeHosted(ctx, name, func(all map[string]string) error {
		if len(components) == 0 {
			clear(all)
		}
		for _, component := range components {
			if all[component] == "" {
				return fault.Errorf(fault.Unresolved,
					"the hosted cluster %q has no image of %q in the place of its release's", name, component)
			}
			delete(all, component)
		}
		return nil
	})
}

func (c *Cluster) changeHosted(ctx context.Context, name string, edit func(map[string]string) error) error {
	path, err := hostedPath(name)
	if err != nil {
		return err
	}
	return again(ctx, fmt.Sprintf("the hosted cluster %q", name), func() error {
		var hosted hostedCluster
		if err := c.API.Get(ctx, path, &hosted); err != nil {
			return fmt.Errorf("reading the hosted cluster %q: %w", name, err)
		}
		all := map[string]string{}
		for _, pair := range strings.Split(hosted.Metadata.Annotations[hostedAnnotation], ",") {
			if component, image, ok := strings.Cut(pair, "="); ok {
				all[component] = image
			}
		}
		if err := edit(all); err != nil {
			return err
		}
		var pairs []string
		for _, component := range slices.Sorted(maps.Keys(all)) {
			pairs = append(pairs, component+"="+all[component])
		}
		value := any(strings.Join(pairs, ","))
		if len(pairs) == 0 {
			value = nil // which takes the annotation away
		}
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": hosted.Metadata.ResourceVersion,
			"annotations": map[string]any{hostedAnnotation: value}}})
		if err != nil {
			return err
		}
		if err := c.API.Merge(ctx, path, patch); err != nil {
			return fmt.Errorf("changing the hosted cluster %q: %w", name, err)
		}
		c.tell("%s of %s is %q", hostedAnnotation, name, strings.Join(pairs, ","))
		return nil
	})
}
