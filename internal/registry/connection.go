package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"
)

// repository is what the client knows of one repository that it writes to, or might: the blobs that it holds.
type repository struct {
	mu     sync.Mutex
	holds  map[digest.Digest]bool
	writer *writer // nil until the repository is written to
}

// repository returns the client's record for a repository's name.
func (c *Client) repository(name string) *repository {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.repositories[name]
	if !ok {
		r = &repository{holds: map[digest.Digest]bool{}}
		c.repositories[name] = r
	}
	return r
}

// fetched is a manifest as it came, and the place that has its blobs.
type fetched struct {
	source    Content
	blob      []byte
	mediaType string
}

// fetch reads the manifest that ref names. What a registry fails is asked for again, see reader.ask.
func (c *Client) fetch(ctx context.Context, ref types.ImageReference) (got fetched, err error) {
	source, err := c.source(ctx, ref)
	if err != nil {
		return fetched{}, err
	}
	got.source = source
	got.blob, got.mediaType, err = source.GetManifest(ctx, nil)
	return got, err
}

// source opens the place that has an image. What image/v5 opened is closed with the client.
func (c *Client) source(ctx context.Context, ref types.ImageReference) (types.ImageSource, error) {
	if ref.Transport().Name() == docker.Transport.Name() {
		return c.remote(ref)
	}
	source, err := ref.NewImageSource(ctx, c.system)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opened = append(c.opened, source)
	return source, nil
}

func (c *Client) hasMirrors(named reference.Named) bool {
	found, err := sysregistriesv2.FindRegistry(c.system, named.Name())
	return err == nil && found != nil && len(found.Mirrors) > 0
}

// remember records that a repository holds the blobs of an image that was read from it: another repository of the same
// registry can mount them, and the repository itself need not be asked.
func (c *Client) remember(named reference.Named, blobs []types.BlobInfo) {
	r := c.repository(named.Name())
	mirrored := c.hasMirrors(named)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, blob := range blobs {
		if !mirrored {
			r.holds[blob.Digest] = true
		}
		c.locate(named, blob.Digest)
	}
}

// forget is for a repository that says it has lost a blob of an image, and may have lost others: what is written there
// has to bring all again that it does not have.
func (c *Client) forget(named reference.Named) {
	r := c.repository(named.Name())
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.holds)
}

// verifyManifest compares a manifest with the digest that it was asked for by.
func verifyManifest(blob []byte, want digest.Digest) error {
	ok, err := manifest.MatchesDigest(blob, want)
	if err != nil {
		return fmt.Errorf("verifying manifest %s: %w", want, err)
	}
	if !ok {
		return fmt.Errorf("manifest %s: %w", want, ErrTampered)
	}
	return nil
}

// ErrTampered is the error of content that does not have the digest or the size that named it.
var ErrTampered = errors.New("the content does not match its digest and may have been tampered with")
