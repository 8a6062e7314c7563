package image

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"
)

// isOCI reports whether the image needs an OCI manifest: docker's has no name for layers compressed with zstd.
func (a *Image) isOCI() bool {
	for _, layer := range a.Layers {
		if layer.Type == imagespec.MediaTypeImageLayerZstd {
			return true
		}
	}
	return false
}

// configType is the media type of the config. Docker's config is an OCI config too.
func (a *Image) configType() string {
	if a.isOCI() {
		return imagespec.MediaTypeImageConfig
	}
	return manifest.DockerV2Schema2ConfigMediaType
}

// serialize writes the manifest: docker v2 schema 2, as CI does, unless that cannot say it.
func (a *Image) serialize() ([]byte, error) {
	if a.isOCI() {
		return a.serializeOCI()
	}
	config := manifest.Schema2Descriptor{MediaType: a.configType(), Size: int64(len(a.Config)),
		Digest: digest.FromBytes(a.Config)}
	var layers []manifest.Schema2Descriptor
	for _, layer := range a.Layers {
		layers = append(layers,
			manifest.Schema2Descriptor{MediaType: manifest.DockerV2Schema2LayerMediaType, Size: layer.Size,
				Digest: layer.Digest})
	}
	data, err := manifest.Schema2FromComponents(config, layers).Serialize()
	if err != nil {
		return nil, fmt.Errorf("writing the manifest of the new image: %w", err)
	}
	return data, nil
}

func (a *Image) serializeOCI() ([]byte, error) {
	image := imagespec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: imagespec.MediaTypeImageManifest,
		Config: imagespec.Descriptor{MediaType: a.configType(), Size: int64(len(a.Config)),
			Digest: digest.FromBytes(a.Config)},
	}
	for _, layer := range a.Layers {
		kind := layer.Type
		if kind == manifest.DockerV2Schema2LayerMediaType {
			kind = imagespec.MediaTypeImageLayerGzip
		}
		image.Layers = append(image.Layers, imagespec.Descriptor{MediaType: kind, Size: layer.Size,
			Digest: layer.Digest})
	}
	data, err := json.Marshal(image)
	if err != nil {
		return nil, fmt.Errorf("writing the manifest of the new image: %w", err)
	}
	return data, nil
}
