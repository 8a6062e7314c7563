package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/storage"
)

// Peel makes an image of the first layers of one that is in local storage, with a config (docker v2 schema 2) of its
// own, whose rootfs names those layers. It returns the new image, whose ID is the digest of the config; nothing is
// copied. Peeling twice gives the image that is there already.
func (b *Builder) Peel(ctx context.Context, image Image, layers int, config []byte) (Image, error) {
	if layers < 1 || layers > len(image.Layers) {
		return Image{}, fmt.Errorf("leaving layers of image %q away: %d of %d cannot stay", image.ID, layers,
			len(image.Layers))
	}
	kept := image.Layers[:layers]
	if err := checkRootFS(config, kept); err != nil {
		return Image{}, fmt.Errorf("leaving layers of image %q away: %w", image.ID, err)
	}
	made, err := b.compose(ctx, kept, config)
	if err != nil {
		return Image{}, fmt.Errorf("leaving layers of image %q away: %w", image.ID, err)
	}
	return made, nil
}

// checkRootFS makes sure that a config names the layers that it will be used with.
func checkRootFS(config []byte, layers []Layer) error {
	var parsed struct {
		RootFS struct {
			DiffIDs []digest.Digest `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(config, &parsed); err != nil {
		return fmt.Errorf("parsing the new config: %w", err)
	}
	if len(parsed.RootFS.DiffIDs) != len(layers) {
		return fmt.Errorf("the new config names %d layers, not %d", len(parsed.RootFS.DiffIDs), len(layers))
	}
	for i, layer := range layers {
		if parsed.RootFS.DiffIDs[i] != layer.DiffID {
			return fmt.Errorf("layer %d is %s in the new config and %s in storage", i,
				parsed.RootFS.DiffIDs[i], layer.DiffID)
		}
	}
	return nil
}

// compose makes an image of layers that local storage has, and a config (docker v2 schema 2) that names them. Its ID
// is the digest of the config.
func (b *Builder) compose(ctx context.Context, layers []Layer, config []byte) (Image, error) {
	id, err := b.record(layers, layers[len(layers)-1].ID, nil, config)
	if err != nil {
		return Image{}, err
	}
	return b.Image(ctx, id)
}

// record writes the record of an image whose uppermost layer is top, and returns its ID.
func (b *Builder) record(layers []Layer, top string, names []string, config []byte) (id string, err error) {
	sum := digest.FromBytes(config)
	var descriptors []manifest.Schema2Descriptor
	for _, layer := range layers {
		descriptors = append(descriptors,
			manifest.Schema2Descriptor{MediaType: manifest.DockerV2SchemaLayerMediaTypeUncompressed,
				Size: max(layer.Size, 0), Digest: layer.DiffID})
	}
	own := manifest.Schema2Descriptor{MediaType: manifest.DockerV2Schema2ConfigMediaType,
		Size: int64(len(config)), Digest: sum}
	data, err := manifest.Schema2FromComponents(own, descriptors).Serialize()
	if err != nil {
		return "", fmt.Errorf("writing a manifest: %w", err)
	}
	named := digest.FromBytes(data)
	options := storage.ImageOptions{Digest: named, BigData: []storage.ImageBigDataOption{
		{Key: storage.ImageDigestBigDataKey, Data: data, Digest: named},
		{Key: storage.ImageDigestManifestBigDataNamePrefix + "-" + named.String(), Data: data, Digest: named},
		{Key: sum.String(), Data: config, Digest: sum},
	}}
	_, err = b.store.CreateImage(sum.Encoded(), names, top, "", &options)
	if err != nil && !errors.Is(err, storage.ErrDuplicateID) {
		return "", fmt.Errorf("recording an image: %w", err)
	}
	return sum.Encoded(), nil
}
