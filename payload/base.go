package payload

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// base is what a release image is built on: the layers of an image, and the digest by which the release names it.
type base struct {
	image    *registry.Image
	layers   []types.BlobInfo
	diffs    []digest.Digest
	digest   digest.Digest
	platform registry.Platform // of the image in its manifest list
}

// bases returns what the new release image is built on: the image that the options name, else a changed
// cluster-version-operator, else what the old release image is built on, else the cluster-version-operator of the
// image stream, if it has one. It is one image, or the images of a manifest list.
func (a *assembler) bases(ctx context.Context) ([]base, error) {
	spec := a.options.Base
	for _, s := range a.swaps {
		if spec == "" && s.name == componentCVO {
			spec = s.spec
		}
	}
	if spec == "" && a.old.Image != nil {
		return a.each(ctx, a.old.Image, beneath)
	}
	if spec == "" {
		tag := tagOf(a.next, componentCVO)
		if tag == nil || !isImage(*tag) {
			return nil, nil // then there are only files
		}
		spec = tag.From.Name
	}
	image, err := a.client.Image(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("reading the base of the release image: %w", err)
	}
	return a.each(ctx, image, whole)
}

// each applies take to an image or, where a manifest list is to be kept, to every image of its list.
func (a *assembler) each(ctx context.Context, image *registry.Image, take func(*registry.Image) base) ([]base, error) {
	if !a.options.KeepList || image.ListDigest == "" {
		return []base{take(image)}, nil
	}
	instances, err := image.Instances(a.options.Platforms)
	if err != nil {
		return nil, fmt.Errorf("the base of the release image: %w", err)
	}
	var bases []base
	for _, instance := range instances {
		child, err := image.Instance(ctx, instance)
		if err != nil {
			return nil, fmt.Errorf("reading the base of the release image for %s: %w", instance.Platform, err)
		}
		b := take(child)
		b.platform = instance.Platform
		bases = append(bases, b)
	}
	return bases, nil
}

// beneath is what a release image is built on: all of it but the release layer.
func beneath(image *registry.Image) base {
	diffs := image.Config.RootFS.DiffIDs
	return base{image: image, layers: image.Layers[:max(0, len(image.Layers)-1)], diffs: diffs[:max(0, len(diffs)-1)],
		digest: digest.Digest(image.Config.Config.Labels[labelBaseDigest])}
}

// whole is an image to build on.
func whole(image *registry.Image) base {
	return base{image: image, layers: image.Layers, diffs: image.Config.RootFS.DiffIDs, digest: image.Digest}
}
