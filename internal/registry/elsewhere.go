package registry

import (
	"context"
	"fmt"
	"sync"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/pkg/blobinfocache/none"
	"go.podman.io/image/v5/types"
)

// elsewhere is a place that is not a registry, such as an OCI layout, which image/v5 writes to.
type elsewhere struct {
	destination types.ImageDestination
	mu          sync.Mutex // manifests are written one at a time
}

func (e *elsewhere) put(ctx context.Context, blob Blob) error {
	info := types.BlobInfo{Digest: blob.Digest, Size: blob.Size, MediaType: blob.MediaType}
	if !blob.New {
		if reused, _, err := e.destination.TryReusingBlob(ctx, info, none.NoCache, false); err != nil || reused {
			return err
		}
	}
	stream, err := blob.whole(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	info.Digest = "" // it is compared below, before a manifest refers to it
	sent, err := e.destination.PutBlob(ctx, stream, info, none.NoCache, blob.Config)
	if err != nil {
		return stream.explain(err)
	}
	if sent.Digest != blob.Digest {
		return fmt.Errorf("sent %s: %w", sent.Digest, ErrTampered)
	}
	return nil
}

func (e *elsewhere) manifest(ctx context.Context, data []byte, sum digest.Digest) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.destination.PutManifest(ctx, data, &sum)
}

func (e *elsewhere) commit(ctx context.Context, data []byte, _ digest.Digest) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.destination.PutManifest(ctx, data, nil); err != nil {
		return err
	}
	return e.destination.Commit(ctx, nil)
}

func (e *elsewhere) close() error { return e.destination.Close() }
