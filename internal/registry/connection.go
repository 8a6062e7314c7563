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

// repository is what the client knows of one repository: a connection that reads any of its images by digest, and blobs that it holds.
type repository struct {
	mu     sync.Mutex
	source types.ImageSource
	others []types.ImageSource // opened for a tag, or for an image that the first connection does not have; kept until the client closes
	holds  map[digest.Digest]bool
	writer *writer // nil until the repository is written to
}

func (r *repository) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	if r.source != nil {
		errs = append(errs, r.source.Close())
	}
	for _, source := range r.others {
		errs = append(errs, source.Close())
	}
	r.source, r.others = nil, nil
	return errors.Join(errs...)
}

// repository returns the client's record for a key: a repository's name, or another reference as it is written.
func (c *Client) repository(key string) *repository {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.repositories[key]
	if !ok {
		r = &repository{holds: map[digest.Digest]bool{}}
		c.repositories[key] = r
	}
	return r
}

// fetched is a manifest as it came, and the connection that reads its blobs.
type fetched struct {
	source    Content
	blob      []byte
	mediaType string
}

// fetch reads the manifest that ref names. Images of one repository that are named by digest share a connection: a registry is asked for
// its version and for a token once, not once an image.
func (c *Client) fetch(ctx context.Context, ref types.ImageReference) (fetched, error) {
	named := ref.DockerReference()
	if ref.Transport().Name() != docker.Transport.Name() {
		return c.open(ctx, ref, c.repository(ref.Transport().Name()+":"+ref.StringWithinTransport()))
	}
	r := c.repository(named.Name())
	canonical, ok := named.(reference.Canonical)
	if !ok {
		return c.open(ctx, ref, r)
	}
	r.mu.Lock()
	source := r.source
	if source == nil {
		defer r.mu.Unlock()
		return c.openLocked(ctx, ref, r)
	}
	r.mu.Unlock()
	instance := canonical.Digest()
	blob, mediaType, err := source.GetManifest(ctx, &instance)
	if err != nil && isNotFound(err) && c.hasMirrors(named) {
		return c.open(ctx, ref, r) // another mirror, or the registry itself, may have what the first one lacks
	}
	return fetched{source, blob, mediaType}, err
}

func (c *Client) open(ctx context.Context, ref types.ImageReference, r *repository) (fetched, error) {
	source, err := ref.NewImageSource(ctx, c.system)
	if err != nil {
		return fetched{}, err
	}
	r.mu.Lock()
	if r.source == nil {
		r.source = source
	} else {
		r.others = append(r.others, source)
	}
	r.mu.Unlock()
	blob, mediaType, err := source.GetManifest(ctx, nil)
	return fetched{source, blob, mediaType}, err
}

// openLocked is open for the first connection to a repository: the caller holds r.mu, so that others wait for it and then share it.
func (c *Client) openLocked(ctx context.Context, ref types.ImageReference, r *repository) (fetched, error) {
	source, err := ref.NewImageSource(ctx, c.system)
	if err != nil {
		return fetched{}, err
	}
	r.source = source
	blob, mediaType, err := source.GetManifest(ctx, nil)
	return fetched{source, blob, mediaType}, err
}

func (c *Client) hasMirrors(named reference.Named) bool {
	found, err := sysregistriesv2.FindRegistry(c.system, named.Name())
	return err == nil && found != nil && len(found.Mirrors) > 0
}

// remember records that a repository holds the blobs of an image that was read from it: another repository of the same registry can mount
// them, and the repository itself need not be asked.
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

// verifyManifest compares a manifest with the digest that it was asked for by.
func verifyManifest(blob []byte, want digest.Digest) error {
	ok, err := manifest.MatchesDigest(blob, want)
	if err != nil {
		return fmt.Errorf("verifying manifest %s: %w", want, err)
	}
	if !ok {
		return fmt.Errorf("manifest %s: %w", want, errTampered)
	}
	return nil
}

// errTampered is content that does not have the digest or the size that named it.
var errTampered = errors.New("the content does not match its digest and may have been tampered with")
