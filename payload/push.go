package payload

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/manifest"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Pushed is a payload in its registry.
type Pushed struct {
	Image  string        // repository@digest
	Tag    string        // the tag that names it
	Digest digest.Digest // of the release image's manifest, or of its manifest list
}

// Push writes the release image: layers, config, then the manifest under its tag. A repository without a tag gets the
// name of the release as the tag. What the registry has, or can mount from another of its repositories, is not sent.
// A run that stops before the end leaves nothing that refers to missing content. At the end the tag is asked for, and
// must name what was pushed.
func (a *Assembly) Push(ctx context.Context, c *registry.Client, to string) (Pushed, error) {
	to, tag, err := a.target(to)
	if err != nil {
		return Pushed{}, err
	}
	target, err := c.Target(to)
	if err != nil {
		return Pushed{}, fmt.Errorf("pushing the release: %w", err)
	}
	pushed, err := a.push(ctx, target)
	if err == nil && !a.trustTag {
		err = target.Verify(ctx, pushed.Digest)
	}
	if err != nil {
		return Pushed{}, fmt.Errorf("pushing the release: %w", err)
	}
	pushed.Tag = tag
	return pushed, nil
}

// target completes the pull spec that a release is pushed to.
func (a *Assembly) target(to string) (ref, tag string, err error) {
	named, err := registry.ParseTarget(to)
	if err != nil {
		return "", "", err
	}
	if reference.IsNameOnly(named) {
		// A version may have build metadata after a plus sign, which a tag may not.
		tag = strings.ReplaceAll(a.Name, "+", "_")
		if named, err = reference.WithTag(named, tag); err != nil {
			return "", "", fmt.Errorf("the name %q of the release is not a tag: %w", a.Name, err)
		}
	}
	if tagged, ok := named.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	return named.String(), tag, nil
}

func (a *Assembly) push(ctx context.Context, target *registry.Target) (Pushed, error) {
	top, err := a.send(ctx, target)
	if err != nil {
		return Pushed{}, err
	}
	sum, err := target.Commit(ctx, top)
	return Pushed{Image: target.Repository() + "@" + sum.String(), Digest: sum}, err
}

// send writes all that the top manifest refers to, and returns that manifest.
func (a *Assembly) send(ctx context.Context, target *registry.Target) ([]byte, error) {
	if a.Method == Copy {
		return a.old.Image.Send(ctx, target, a.keepList)
	}
	layer, images, err := a.build()
	if err != nil {
		return nil, err
	}
	blobs := []registry.Blob{registry.Bytes(layer.data, manifest.DockerV2Schema2LayerMediaType)}
	for _, image := range images {
		for _, info := range image.base.layers {
			blobs = append(blobs, image.base.image.BlobOf(info))
		}
		blobs = append(blobs, registry.Bytes(image.config, manifest.DockerV2Schema2ConfigMediaType))
	}
	if err := target.PutAll(ctx, blobs); err != nil {
		return nil, err
	}
	if len(images) > 1 {
		for _, image := range images {
			if _, err := target.Manifest(ctx, image.manifest); err != nil {
				return nil, err
			}
		}
	}
	return a.topManifest(images)
}
