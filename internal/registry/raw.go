package registry

import (
	"context"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
)

// Manifest is a manifest or a manifest list as a place for images has it, with what it refers to.
type Manifest struct {
	Digest    digest.Digest
	MediaType string
	Data      []byte
	Blobs     []types.BlobInfo // config and layers; empty for a list
	Instances []Instance       // images of a list
	List      bool
}

// ParseManifest reads a manifest or a manifest list. want is the digest that it must have; "" = any.
func ParseManifest(data []byte, claimed string, want digest.Digest) (Manifest, error) {
	m := Manifest{Data: data, MediaType: mediaType(data, claimed), Digest: want}
	if want == "" {
		var err error
		if m.Digest, err = manifest.Digest(data); err != nil {
			return Manifest{}, fmt.Errorf("computing the digest of a manifest: %w", err)
		}
	} else if err := verifyManifest(data, want); err != nil {
		return Manifest{}, err
	}
	if m.List = manifest.MIMETypeIsMultiImage(m.MediaType); m.List {
		var err error
		m.Instances, err = instances(data)
		return m, err
	}
	parsed := Image{Manifest: data, MediaType: m.MediaType}
	if err := parsed.parse(); err != nil {
		return Manifest{}, err
	}
	m.Blobs = parsed.blobs()
	return m, nil
}

// Raw reads the manifest that a reference names, whatever it is: nothing is chosen from a list, and no config is read.
// The blobs that it refers to are opened with the returned function.
func (c *Client) Raw(ctx context.Context, ref string) (Manifest, func(types.BlobInfo) Blob, error) {
	m, open, err := c.raw(ctx, ref)
	return m, open, c.Explain(err, "reading the manifest of", ref)
}

func (c *Client) raw(ctx context.Context, ref string) (Manifest, func(types.BlobInfo) Blob, error) {
	parsed, err := ParseReference(ref)
	if err != nil {
		return Manifest{}, nil, err
	}
	got, err := c.fetch(ctx, parsed)
	if err != nil {
		return Manifest{}, nil, err
	}
	var want digest.Digest
	if canonical, ok := parsed.DockerReference().(reference.Canonical); ok {
		want = canonical.Digest()
	}
	m, err := ParseManifest(got.blob, got.mediaType, want)
	if err != nil {
		return Manifest{}, nil, err
	}
	image := &Image{Reference: parsed, Digest: m.Digest, client: c, source: got.source}
	if parsed.Transport().Name() == docker.Transport.Name() {
		c.remember(parsed.DockerReference(), m.Blobs)
	}
	return m, image.BlobOf, nil
}

// Names returns the digest that a tag of a registry names, or "" where there is no such tag. It is asked as a place to
// write to is, at the registry itself.
func (c *Client) Names(ctx context.Context, ref string) (digest.Digest, error) {
	named, err := ParsePullSpec(ref)
	if err != nil {
		return "", err
	}
	got, err := c.resolve(ctx, reference.TagNameOnly(named))
	if err != nil && isNotFound(err) {
		return "", nil
	}
	return got, c.Explain(err, "looking up", ref)
}

// Copy reads a blob from its beginning into w, and fails unless it has the digest and the size that name it.
func (b Blob) Copy(ctx context.Context, w io.Writer) error {
	stream, err := b.whole(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	_, err = io.Copy(w, stream)
	return err
}
