package image

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/manifest"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// Image is a finished image in the form in which it is pushed, which is also that of a build record. The layers of
// its base keep the descriptors that the base has in its registry, so they are mounted or skipped, never compressed
// again; what the build added lies compressed in the blob directory.
type Image struct {
	Stored    string            `json:"stored"`   // ID in local storage, from where it may be gone
	Manifest  []byte            `json:"manifest"` // docker v2 schema 2, or OCI where a layer is compressed with zstd
	Config    []byte            `json:"config"`
	Layers    []Layer           `json:"layers"` // base layer first
	Labels    map[string]string `json:"labels"`
	Manifests []payload.File    `json:"manifests"` // the top level of /manifests
	Created   time.Time         `json:"created"`

	PullSpec string `json:"-"` // repository@digest, once it is pushed
	Log      string `json:"-"` // file with the output of the build; "" where an earlier run's result was taken

	// of an image that is only used: makes it, when something has to be built on it, once
	make func() (Image, error)

	local builder.Image // what was built, until it is packed
	key   string        // of what decided its bytes
	// of one that is only used: of what decided them in local storage
	localKey string
	shared   bool // somebody else's record was taken
	unsure   bool // the source may have been another one while it was made: nobody takes it for what was built
}

// Layer is one layer of an image.
type Layer struct {
	Type   string        `json:"type"`   // media type, docker's or OCI's
	Digest digest.Digest `json:"digest"` // of the compressed blob
	Size   int64         `json:"size"`   // of the compressed blob, bytes
	DiffID digest.Digest `json:"diffID"`
	Base   string        `json:"base,omitempty"` // pull spec of the image that has this blob; "" = the blob directory
}

// Digest is the digest of the manifest.
func (a *Image) Digest() digest.Digest { return digest.FromBytes(a.Manifest) }

// pack gives an image of local storage its other form. base is what the image was built on; layers that it shares are
// taken over as they are. bases are the names in the Dockerfile of what it was built on, by digest.
func (a *Image) pack(ctx context.Context, b *builder.Builder, base []Layer, bases map[string]string,
	pack packer) error {
	image := a.local
	stable, err := stableHistory(image.Config, bases)
	if err != nil {
		return err
	}
	a.Stored, a.Config = image.ID, stable
	if err := a.describe(); err != nil {
		return err
	}
	for i, layer := range image.Layers {
		if i < len(base) && base[i].DiffID == layer.DiffID {
			a.Layers = append(a.Layers, base[i])
			continue
		}
		base = nil // from here on nothing is shared
		compressed, err := pack.layer(ctx, b, layer)
		if err != nil {
			return err
		}
		a.Layers = append(a.Layers, compressed)
	}
	if a.Manifest, err = a.serialize(); err != nil {
		return err
	}
	a.Manifests, err = b.Manifests(image.ID)
	return err
}

// describe takes from the config what a payload says of the image.
func (a *Image) describe() error {
	var config struct {
		Created time.Time `json:"created"`
		Config  struct {
			Labels map[string]string `json:"Labels"`
		} `json:"config"`
	}
	if err := json.Unmarshal(a.Config, &config); err != nil {
		return fmt.Errorf("parsing the config of the new image: %w", err)
	}
	a.Labels, a.Created = config.Config.Labels, config.Created
	return nil
}

// blobPath is where a blob with a valid digest lies.
func blobPath(blobs string, sum digest.Digest) string {
	return filepath.Join(blobs, strings.ReplaceAll(sum.String(), ":", "-"))
}

// baseLayers describes the layers of an image in a registry, for images that are built on it. Layers that docker v2
// schema 2 cannot name (zstd, not compressed) are left out with all above them: the build then brings its own copies.
func baseLayers(image *registry.Image) []Layer {
	layers := layersOf(image)
	unnamed := slices.IndexFunc(layers, func(layer Layer) bool {
		return layer.Type != manifest.DockerV2Schema2LayerMediaType &&
			layer.Type != "application/vnd.oci.image.layer.v1.tar+gzip"
	})
	if unnamed >= 0 {
		layers = layers[:unnamed]
	}
	return layers
}

// layersOf describes all layers of an image in a registry; none where its config tells of others.
func layersOf(image *registry.Image) []Layer {
	if len(image.Config.RootFS.DiffIDs) != len(image.Layers) {
		return nil
	}
	var layers []Layer
	for i, layer := range image.Layers {
		layers = append(layers, Layer{Type: layer.MediaType, Digest: layer.Digest, Size: layer.Size,
			DiffID: image.Config.RootFS.DiffIDs[i], Base: image.PullSpec()})
	}
	return layers
}

// openBlob opens a layer where it lies: in the blob directory, or in the registry of the base.
func openBlob(ctx context.Context, client *registry.Client, layer Layer, blobs string) (io.ReadCloser, error) {
	if layer.Base == "" {
		return os.Open(blobPath(blobs, layer.Digest))
	}
	image, err := client.Image(ctx, layer.Base)
	if err != nil {
		return nil, err
	}
	for _, info := range image.Layers {
		if info.Digest == layer.Digest {
			return image.BlobOf(info).Open(ctx)
		}
	}
	return nil, fmt.Errorf("image %q does not have layer %s any more", layer.Base, layer.Digest)
}

// complete reports whether every blob that the image brings itself still lies in the blob directory.
func (a *Image) complete(blobs string) bool {
	for _, layer := range a.Layers {
		if layer.Base != "" {
			continue
		}
		if info, err := os.Stat(blobPath(blobs, layer.Digest)); err != nil || info.Size() != layer.Size {
			return false
		}
	}
	return bytes.Contains(a.Manifest, []byte(digest.FromBytes(a.Config).String()))
}
