package registry

import (
	"context"
	"fmt"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
)

// Instance opens one image of the image's manifest list.
func (i *Image) Instance(ctx context.Context, instance Instance) (*Image, error) {
	if i.Reference.Transport().Name() != docker.Transport.Name() {
		return i.local(ctx, instance)
	}
	named, err := reference.WithDigest(reference.TrimNamed(i.Reference.DockerReference()), instance.Digest)
	if err != nil {
		return nil, fmt.Errorf("image %s of a list: %w", instance.Digest, err)
	}
	ref, err := docker.NewReference(named)
	if err != nil {
		return nil, fmt.Errorf("image %s of a list: %w", instance.Digest, err)
	}
	child, err := i.client.image(ctx, ref)
	return child, i.client.Explain(err, "reading image", named.String())
}

// local opens an image of a manifest list through the connection that read the list, for places other than registries.
func (i *Image) local(ctx context.Context, instance Instance) (*Image, error) {
	blob, claimed, err := i.source.GetManifest(ctx, &instance.Digest)
	if err != nil {
		return nil, fmt.Errorf("reading manifest %s of a list: %w", instance.Digest, err)
	}
	if err := verifyManifest(blob, instance.Digest); err != nil {
		return nil, err
	}
	child := &Image{Reference: i.Reference, Digest: instance.Digest, Manifest: blob,
		MediaType: mediaType(blob, claimed),
		client:    i.client, source: i.source}
	if manifest.MIMETypeIsMultiImage(child.MediaType) {
		return nil, fmt.Errorf("manifest %s of a list is a list again, which is not supported", instance.Digest)
	}
	return child, child.complete(ctx)
}

// Send writes everything that the image's manifest refers to into a target, and returns that manifest for
// Target.Commit. With whole set an image that came from a manifest list is sent with all images of the list, and the
// list is returned.
func (i *Image) Send(ctx context.Context, target *Target, whole bool) ([]byte, error) {
	if !whole || i.ListDigest == "" {
		return i.Manifest, i.sendBlobs(ctx, target)
	}
	for _, instance := range i.List {
		child, err := i.Instance(ctx, instance)
		if err != nil {
			return nil, err
		}
		if err := child.sendBlobs(ctx, target); err != nil {
			return nil, err
		}
		if _, err := target.Manifest(ctx, child.Manifest); err != nil {
			return nil, err
		}
	}
	return i.ListManifest, nil
}

func (i *Image) sendBlobs(ctx context.Context, target *Target) error {
	var blobs []Blob
	for _, info := range i.blobs() {
		blobs = append(blobs, i.BlobOf(info))
	}
	return target.PutAll(ctx, blobs)
}

// blobs are the layers and the config.
func (i *Image) blobs() []types.BlobInfo {
	return append(i.Layers[:len(i.Layers):len(i.Layers)], i.ConfigInfo)
}
