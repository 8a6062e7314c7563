package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/pkg/sysregistriesv2"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/registry/distribution"
)

// reader reads from a repository: at the mirrors that registries.conf puts before it, in its order, and at the place
// itself. All images of a client that are in the repository share it, and with it tokens, connections and what it
// learned.
type reader struct {
	client *Client
	places []*distribution.Repository // best first

	mu    sync.Mutex
	first int // of places: those before it did not answer
}

// reader returns the client's reader for the repository of named. Mirrors may be for tags or for digests only.
func (c *Client) reader(named reference.Named) (*reader, error) {
	key := named.Name()
	if _, ok := named.(reference.Canonical); ok {
		key += "@"
	}
	c.mu.Lock()
	r := c.readers[key]
	c.mu.Unlock()
	if r != nil {
		return r, nil
	}
	sources, err := c.pullSources(named)
	if err != nil {
		return nil, err
	}
	r = &reader{client: c}
	for _, source := range sources {
		to := address{reference.Domain(source.Reference), source.Endpoint.Insecure || c.options.Insecure}
		registry, err := c.registry(to)
		if err != nil {
			return nil, err
		}
		r.places = append(r.places, registry.Reader(reference.Path(source.Reference), c.login(source.Reference)))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.readers[key]; other != nil {
		return other, nil
	}
	c.readers[key] = r
	return r, nil
}

// pullSources lists where an image is looked for: the mirrors that registries.conf names, then the place itself,
// without those that it blocks.
func (c *Client) pullSources(named reference.Named) ([]sysregistriesv2.PullSource, error) {
	sources := []sysregistriesv2.PullSource{{Reference: named}}
	found, err := sysregistriesv2.FindRegistry(c.system, named.Name())
	if err == nil && found != nil {
		sources, err = found.PullSourcesFromReference(named)
	}
	var open []sysregistriesv2.PullSource
	for _, source := range sources {
		at, failed := sysregistriesv2.FindRegistry(c.system, source.Reference.Name())
		switch {
		case failed != nil:
			err = failed
		case at == nil:
			open = append(open, source)
		case !at.Blocked:
			source.Endpoint.Insecure = source.Endpoint.Insecure || at.Insecure
			open = append(open, source)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the registries configuration: %w", err)
	}
	if len(open) == 0 {
		return nil, fmt.Errorf("registries.conf blocks %q", named.Name())
	}
	return open, nil
}

// ask does something at the first place that can, and tries again where a registry fails. A place that did not answer
// is asked last from then on; one that lacks an image may have the next.
func (r *reader) ask(ctx context.Context, do func(place *distribution.Repository) error) error {
	return r.client.retry(ctx, func() error {
		r.mu.Lock()
		first := r.first
		r.mu.Unlock()
		var failures []error
		silent := false
		for n := range r.places {
			at := (first + n) % len(r.places)
			err := do(r.places[at])
			if err == nil {
				if silent {
					r.mu.Lock()
					r.first = at
					r.mu.Unlock()
				}
				return nil
			}
			if failures = append(failures, err); ctx.Err() != nil {
				break
			}
			silent = silent || httpStatus(err) == 0
		}
		return errors.Join(failures...)
	})
}

// remote is an image in a registry. It implements types.ImageSource.
type remote struct {
	*reader
	reference types.ImageReference
	name      string // its tag or digest
}

// remote returns the image that a reference of the docker transport names. Nothing is asked for yet.
func (c *Client) remote(ref types.ImageReference) (*remote, error) {
	named := ref.DockerReference()
	r, err := c.reader(named)
	if err != nil {
		return nil, err
	}
	return &remote{reader: r, reference: ref, name: nameOf(named)}, nil
}

// nameOf returns the digest or the tag of a reference, "" where it has neither.
func nameOf(named reference.Named) string {
	if canonical, ok := named.(reference.Canonical); ok {
		return canonical.Digest().String()
	}
	if tagged, ok := named.(reference.Tagged); ok {
		return tagged.Tag()
	}
	return ""
}

// Reference implements types.ImageSource.
func (r *remote) Reference() types.ImageReference { return r.reference }

// GetManifest implements types.ImageSource.
func (r *remote) GetManifest(ctx context.Context, instance *digest.Digest) (data []byte, mediaType string, err error) {
	name := r.name
	if instance != nil {
		name = instance.String()
	}
	err = r.ask(ctx, func(place *distribution.Repository) error {
		got, err := place.Manifest(ctx, name)
		if err != nil {
			return err
		}
		data, mediaType = got.Data, got.MediaType
		sum := digest.Digest(name)
		if sum.Validate() != nil { // it is a tag
			if sum = digest.Digest(got.Digest); sum.Validate() != nil {
				return nil
			}
		}
		return verifyManifest(data, sum)
	})
	return data, mediaType, err
}

// HasThreadSafeGetBlob implements types.ImageSource.
func (r *remote) HasThreadSafeGetBlob() bool { return true }

// GetBlob implements types.ImageSource. The content is not verified.
func (r *remote) GetBlob(ctx context.Context, info types.BlobInfo,
	_ types.BlobInfoCache) (io.ReadCloser, int64, error) {
	blob := &resumed{ctx: ctx, reader: r.reader, blob: info.Digest}
	if err := blob.open(); err != nil {
		if isNotFound(err) {
			r.client.forget(r.reference.DockerReference())
		}
		return nil, 0, err
	}
	return blob, blob.size, nil
}

// LayerInfosForCopy implements types.ImageSource.
func (r *remote) LayerInfosForCopy(context.Context, *digest.Digest) ([]types.BlobInfo, error) {
	return nil, nil
}

// GetSignatures implements types.ImageSource: there are none here, see Client.allow.
func (r *remote) GetSignatures(context.Context, *digest.Digest) ([][]byte, error) { return nil, nil }

// Close implements types.ImageSource. Connections are left to the client, whose other images may use them.
func (r *remote) Close() error { return nil }

// resumed is a blob on its way from a registry. Where the connection breaks it is read on from there.
type resumed struct {
	ctx    context.Context //nolint:containedctx // io.Reader has none
	reader *reader
	blob   digest.Digest
	size   int64 // bytes; -1 = unknown

	stream    io.ReadCloser
	offset    int64
	failures  int   // since enough came
	came      int64 // bytes since the last failure
	forgotten error // of the stream, which had content beside it
}

func (r *resumed) open() error {
	return r.reader.ask(r.ctx, func(place *distribution.Repository) error {
		stream, size, err := place.Blob(r.ctx, r.blob, r.offset)
		if err != nil {
			return err
		}
		r.stream, r.size = stream, size
		return nil
	})
}

// Read implements io.Reader.
func (r *resumed) Read(p []byte) (int, error) {
	for {
		n, err := 0, r.forgotten
		if err == nil {
			n, err = r.stream.Read(p)
		}
		r.forgotten = nil
		r.offset += int64(n)
		if r.came += int64(n); r.came >= leastProgress {
			r.failures = 0
		}
		if err == nil || err == io.EOF {
			return n, err
		}
		if n > 0 {
			r.forgotten = err
			return n, nil
		}
		if !isTransient(err) || r.ctx.Err() != nil {
			return 0, err
		}
		if r.failures++; r.failures >= r.reader.client.options.Attempts {
			return 0, &exhaustedError{err}
		}
		r.came = 0
		_ = r.stream.Close() // it is of no use any more
		if err := r.open(); err != nil {
			r.stream = io.NopCloser(failing{err})
			return 0, err
		}
	}
}

// Close implements io.Closer.
func (r *resumed) Close() error { return r.stream.Close() }

// failing is a stream that has ended with an error.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

// SourceReference returns an image of a registry as what image/v5 copies from: it is read as the client reads. Under a
// signature policy that wants signatures image/v5 reads it itself, since only it can read all kinds of them.
func (c *Client) SourceReference(pullSpec string) (types.ImageReference, error) {
	named, err := ParsePullSpec(pullSpec)
	if err != nil {
		return nil, err
	}
	ref, err := docker.NewReference(reference.TagNameOnly(named))
	if err != nil || c.policy != nil {
		return ref, err
	}
	return clientReference{ref, c}, nil
}

// clientReference is a reference of the docker transport that is read through a client.
type clientReference struct {
	types.ImageReference
	client *Client
}

// NewImageSource implements types.ImageReference.
func (r clientReference) NewImageSource(context.Context, *types.SystemContext) (types.ImageSource, error) {
	source, err := r.client.remote(r.ImageReference)
	return verified{source}, err
}

// verified is a remote whose blobs end with ErrTampered where they are not what names them.
type verified struct{ *remote }

// GetBlob implements types.ImageSource.
func (v verified) GetBlob(ctx context.Context, info types.BlobInfo,
	cache types.BlobInfoCache) (io.ReadCloser, int64, error) {
	if err := info.Digest.Validate(); err != nil {
		return nil, 0, fmt.Errorf("blob %q: %w", info.Digest, err)
	}
	var size int64
	blob := Blob{Digest: info.Digest, Size: info.Size,
		Open: func(ctx context.Context) (stream io.ReadCloser, err error) {
			stream, size, err = v.remote.GetBlob(ctx, info, cache)
			return stream, err
		}}
	stream, err := blob.whole(ctx)
	if err != nil {
		return nil, 0, err
	}
	return stream, size, nil
}

// NewImage implements types.ImageReference.
func (r clientReference) NewImage(ctx context.Context, system *types.SystemContext) (types.ImageCloser, error) {
	source, err := r.NewImageSource(ctx, system)
	if err != nil {
		return nil, err
	}
	return image.FromSource(ctx, system, source)
}
