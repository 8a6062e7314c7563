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

// beforeAnnotation of a HostedCluster has what hostedAnnotation said of a component before this program put an image
// there, in the same form; "NAME=" where it said nothing.
const beforeAnnotation = "oc-rebuild.io/image-overrides-before"

// SetHosted puts images, by component, in the place of those of a HostedCluster's release.
func (c *Cluster) SetHosted(ctx context.Context, name string, images map[string]string) error {
	return c.changeHosted(ctx, name, func(all, before map[string]string) error {
		for component, image := range images {
			if _, ours := before[component]; !ours {
				before[component] = all[component]
			}
			all[component] = image
		}
		return nil
	})
}

// RestoreHosted takes images back from a HostedCluster: those of some components, or all that SetHosted put there. What
// somebody else had put there before comes back.
func (c *Cluster) RestoreHosted(ctx context.Context, name string, components ...string) error {
	return c.changeHosted(ctx, name, func(all, before map[string]string) error {
		some := components
		if len(some) == 0 {
			some = slices.Collect(maps.Keys(before))
		}
		for _, component := range some {
			image, ours := before[component]
			if !ours {
				return fault.Errorf(fault.Unresolved,
					"the hosted cluster %q has no image of %q that was deployed", name, component)
			}
			delete(before, component)
			delete(all, component)
			if image != "" {
				all[component] = image
			}
		}
		return nil
	})
}

// pairsOf reads NAME=PULLSPEC with commas between them.
func pairsOf(text string) map[string]string {
	all := map[string]string{}
	for _, pair := range strings.Split(text, ",") {
		if component, image, ok := strings.Cut(pair, "="); ok {
			all[component] = image
		}
	}
	return all
}

// pairs writes what pairsOf reads; nil, which takes an annotation away, where there is none.
func pairs(all map[string]string) any {
	var list []string
	for _, component := range slices.Sorted(maps.Keys(all)) {
		list = append(list, component+"="+all[component])
	}
	if len(list) == 0 {
		return nil
	}
	return strings.Join(list, ",")
}

func (c *Cluster) changeHosted(ctx context.Context, name string, edit func(all, before map[string]string) error) error {
	path, err := hostedPath(name)
	if err != nil {
		return err
	}
	return again(ctx, fmt.Sprintf("the hosted cluster %q", name), func() error {
		var hosted hostedCluster
		if err := c.API.Get(ctx, path, &hosted); err != nil {
			return fmt.Errorf("reading the hosted cluster %q: %w", name, err)
		}
		all, before := pairsOf(hosted.Metadata.Annotations[hostedAnnotation]),
			pairsOf(hosted.Metadata.Annotations[beforeAnnotation])
		if err := edit(all, before); err != nil {
			return err
		}
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": hosted.Metadata.ResourceVersion,
			"annotations": map[string]any{hostedAnnotation: pairs(all), beforeAnnotation: pairs(before)}}})
		if err != nil {
			return err
		}
		if err := c.API.Merge(ctx, path, patch); err != nil {
			return fmt.Errorf("changing the hosted cluster %q: %w", name, err)
		}
		now, _ := pairs(all).(string)
		c.tell("%s of %s is %q", hostedAnnotation, name, now)
		return nil
	})
}
