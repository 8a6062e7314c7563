package mirror

import (
	"context"
	"io"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// place is an image on disk, as the registry client reads it.
type place struct {
	top      []byte // its manifest, or its manifest list
	manifest func(digest.Digest) ([]byte, error)
	blob     func(types.BlobInfo) registry.Blob
}

// GetManifest implements registry.Content.
func (p *place) GetManifest(_ context.Context, instance *digest.Digest) ([]byte, string, error) {
	if instance == nil {
		return p.top, "", nil
	}
	data, err := p.manifest(*instance)
	return data, "", err
}

// GetBlob implements registry.Content.
func (p *place) GetBlob(ctx context.Context, info types.BlobInfo, _ types.BlobInfoCache) (io.ReadCloser, int64, error) {
	stream, err := p.blob(info).Open(ctx)
	return stream, -1, err
}

// LayerInfosForCopy implements registry.Content.
func (p *place) LayerInfosForCopy(context.Context, *digest.Digest) ([]types.BlobInfo, error) {
	return nil, nil
}
