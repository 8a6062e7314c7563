package rebuild

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/manifest"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// artifact is a built image in the form in which it is pushed. The layers of its base keep the descriptors that the base has in its
// registry, so they are mounted or skipped, never compressed again; what the build added lies compressed in the blob directory.
type artifact struct {
	Stored    string            `json:"stored"`   // ID in local storage, from where it may be gone
	Manifest  []byte            `json:"manifest"` // docker v2 schema 2, or OCI where a layer is compressed with zstd
	Config    []byte            `json:"config"`
	Layers    []artifactLayer   `json:"layers"` // base layer first
	Labels    map[string]string `json:"labels"`
	Manifests []payload.File    `json:"manifests"` // the top level of /manifests
	Created   time.Time         `json:"created"`
}

// artifactLayer is one layer of an artifact.
type artifactLayer struct {
	Type   string        `json:"type"`   // media type, docker's or OCI's
	Digest digest.Digest `json:"digest"` // of the compressed blob
	Size   int64         `json:"size"`   // of the compressed blob, bytes
	DiffID digest.Digest `json:"diffID"`
	Base   string        `json:"base,omitempty"` // pull spec of the image that has this blob; "" = the blob directory
}

// Digest is the digest of the artifact's manifest.
func (a *artifact) Digest() digest.Digest { return digest.FromBytes(a.Manifest) }

// makeArtifact turns an image of local storage into an artifact. base is what the image was built on; layers that it shares are taken
// over as they are.
func makeArtifact(ctx context.Context, b *builder.Builder, image builder.Image, base []artifactLayer, pack packer) (*artifact, error) {
	stable, err := stableHistory(image.Config)
	if err != nil {
		return nil, err
	}
	a := &artifact{Stored: image.ID, Config: stable}
	var config struct {
		Created time.Time `json:"created"`
		Config  struct {
			Labels map[string]string `json:"Labels"`
		} `json:"config"`
	}
	if err := json.Unmarshal(image.Config, &config); err != nil {
		return nil, fmt.Errorf("parsing the config of the new image: %w", err)
	}
	a.Labels, a.Created = config.Config.Labels, config.Created
	for i, layer := range image.Layers {
		if i < len(base) && base[i].DiffID == layer.DiffID {
			a.Layers = append(a.Layers, base[i])
			continue
		}
		base = nil // from here on nothing is shared
		compressed, err := pack.layer(ctx, b, layer)
		if err != nil {
			return nil, err
		}
		a.Layers = append(a.Layers, compressed)
	}
	if a.Manifest, err = a.serialize(); err != nil {
		return nil, err
	}
	files, err := b.Manifests(image.ID)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		a.Manifests = append(a.Manifests, payload.File{Name: file.Name, Data: file.Data, ModTime: file.ModTime})
	}
	return a, nil
}

// blobPath is where a blob with a valid digest lies.
func blobPath(blobs string, sum digest.Digest) string {
	return filepath.Join(blobs, strings.ReplaceAll(sum.String(), ":", "-"))
}

// baseLayers describes the layers of an image in a registry, for artifacts that are built on it. Layers that docker v2 schema 2 cannot
// name (zstd, not compressed) are left out with all above them: the build then brings its own copies.
func baseLayers(image *registry.Image) []artifactLayer {
	var layers []artifactLayer
	if len(image.Config.RootFS.DiffIDs) != len(image.Layers) {
		return nil
	}
	for i, layer := range image.Layers {
		if layer.MediaType != manifest.DockerV2Schema2LayerMediaType && layer.MediaType != "application/vnd.oci.image.layer.v1.tar+gzip" {
			break
		}
		layers = append(layers, artifactLayer{Type: layer.MediaType, Digest: layer.Digest, Size: layer.Size, DiffID: image.Config.RootFS.DiffIDs[i], Base: image.PullSpec()})
	}
	return layers
}

// push sends an artifact to a repository, blobs that are there already excepted, and its manifest last. It returns the pull spec by
// digest.
func (a *artifact) push(ctx context.Context, reading, writing *registry.Client, repository, blobs string, sent func(int64)) (string, error) {
	target, err := writing.Target(ctx, repository)
	if err != nil {
		return "", err
	}
	defer target.Close()
	for _, layer := range a.Layers {
		blob := registry.Blob{Digest: layer.Digest, Size: layer.Size, MediaType: layer.Type}
		blob.Open = func(ctx context.Context) (io.ReadCloser, error) {
			sent(layer.Size)
			return openBlob(ctx, reading, layer, blobs)
		}
		if err := target.Put(ctx, blob); err != nil {
			return "", err
		}
	}
	if err := target.Put(ctx, registry.Bytes(a.Config, a.configType(), true)); err != nil {
		return "", err
	}
	sum, err := target.Commit(ctx, a.Manifest)
	if err != nil {
		return "", err
	}
	return target.Repository() + "@" + sum.String(), nil
}

// openBlob opens a layer where it lies: in the blob directory, or in the registry of the base.
func openBlob(ctx context.Context, client *registry.Client, layer artifactLayer, blobs string) (io.ReadCloser, error) {
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

// complete reports whether every blob that the artifact brings itself still lies in the blob directory.
func (a *artifact) complete(blobs string) bool {
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
