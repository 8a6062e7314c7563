package playground

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Multi makes a manifest list of Payload, for this machine's architecture and for another one, and returns its pull
// spec. The base image of the components becomes a list too. The images for the other architecture say so, and have
// the same files: what copies files is built on them, what runs programs is not.
func (p *Playground) Multi(ctx context.Context, arch string) (string, error) {
	const base = "registry.ci.openshift.org/ocp/4.17:base-rhel9" // of most components
	multi := p.Payload + "-multi"
	for from, to := range map[string]string{base: base, p.Payload: multi} {
		if err := p.list(ctx, from, to, arch); err != nil {
			return "", fmt.Errorf("making a manifest list of %q: %w", from, err)
		}
	}
	return multi, nil
}

// list pushes a manifest list of an image and the same image for another architecture.
func (p *Playground) list(ctx context.Context, from, to, arch string) error {
	image, err := p.Image(ctx, from)
	if err != nil {
		return err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	other := config.DeepCopy()
	other.Architecture = arch
	foreign, err := mutate.ConfigFile(image, other)
	if err != nil {
		return err
	}
	list := mutate.IndexMediaType(empty.Index, types.DockerManifestList)
	for _, one := range []struct {
		image v1.Image
		arch  string
	}{{image, config.Architecture}, {foreign, arch}} {
		list = mutate.AppendManifests(list, mutate.IndexAddendum{Add: one.image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: one.arch}}})
	}
	ref, err := name.NewTag(p.Registry.Host+"/"+to, name.Insecure)
	if err != nil {
		return err
	}
	return remote.WriteIndex(ref, list, remote.WithContext(ctx))
}
