package registry

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Target is a repository that is open for writing. It is safe for concurrent use; a blob that several images share is
// sent once.
type Target struct {
	ref    string
	client *Client
	named  reference.Named
	writer *writer

	inFlight singleflight.Group
}

// Blob is content on its way to a target.
type Blob struct {
	Digest    digest.Digest
	Size      int64 // bytes; -1 = unknown
	MediaType string
	New       bool // made in this run: no registry has it yet, so none is asked for it
	// Open returns the content from its beginning. It is called each time that it is sent, which may be more than once,
	// and not at all where the target has it.
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// Bytes returns a new blob with the content of data.
func Bytes(data []byte, mediaType string) Blob {
	return Blob{Digest: digest.FromBytes(data), Size: int64(len(data)), MediaType: mediaType, New: true,
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }}
}

// Target opens a repository to write to: by a pull spec with a tag, or without one, and then manifests go by digest
// only. A digest is refused, since the content decides it. Nothing is sent yet.
func (c *Client) Target(ref string) (*Target, error) {
	named, err := ParseTarget(ref)
	if err != nil {
		return nil, err
	}
	w, err := c.writer(reference.TrimNamed(named))
	if err != nil {
		return nil, c.refused(err, "opening for writing", ref)
	}
	return &Target{ref: ref, client: c, named: named, writer: w}, nil
}

// CheckRepository refuses what is not the name of a repository in a registry. The error has the class fault.Usage.
func CheckRepository(name string) error {
	named, err := ParsePullSpec(name)
	if err != nil {
		return explainTransport(name, err)
	}
	if !reference.IsNameOnly(named) {
		return fault.Errorf(fault.Usage, "repository %q: want it without a tag or a digest", name)
	}
	return nil
}

// ParseTarget reads what Client.Target takes. The error has the class fault.Usage.
func ParseTarget(ref string) (reference.Named, error) {
	named, err := ParsePullSpec(ref)
	if err != nil {
		return nil, explainTransport(ref, err)
	}
	if _, ok := named.(reference.Canonical); ok {
		return nil, fault.New(fault.Usage, "Name a tag, or only the repository.",
			fmt.Errorf("cannot push to %q: a digest follows from the content", ref))
	}
	return named, nil
}

// explainTransport explains why a reference that images are read from is no pull spec to push to.
func explainTransport(ref string, err error) error {
	name, _, _ := strings.Cut(ref, ":")
	if !isTransport(name) {
		return err
	}
	advice := "Name a repository of a registry, such as quay.io/me/okd-release:mine."
	if name == docker.Transport.Name() {
		advice = "Leave docker:// out."
	}
	return fault.New(fault.Usage, advice, fmt.Errorf("cannot push to %q: want a pull spec, without a transport", ref))
}

// Repository returns the name of the repository.
func (t *Target) Repository() string { return t.named.Name() }

// Put makes sure that the target has a blob: nothing is sent where it is there already or can be mounted from another
// repository of the same registry that an image was read from.
func (t *Target) Put(ctx context.Context, blob Blob) error {
	if err := blob.Digest.Validate(); err != nil {
		return t.client.refused(fmt.Errorf("blob %q: %w", blob.Digest, err), "pushing to", t.ref)
	}
	if t.has(blob.Digest) {
		return nil
	}
	_, err, _ := t.inFlight.Do(blob.Digest.String(), func() (any, error) {
		if t.has(blob.Digest) {
			return nil, nil
		}
		return nil, t.put(ctx, blob)
	})
	return err
}

// parallel is how many blobs of an image are sent at once.
const parallel = 4

// PutAll is Put for all blobs of an image, several at once.
func (t *Target) PutAll(ctx context.Context, blobs []Blob) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, blob := range blobs {
		group.Go(func() error { return t.Put(ctx, blob) })
	}
	return group.Wait()
}

func (t *Target) put(ctx context.Context, blob Blob) error {
	if err := t.client.retry(ctx, func() error { return t.writer.put(ctx, blob) }); err != nil {
		return t.client.refused(fmt.Errorf("blob %s: %w", blob.Digest, err), "pushing to", t.ref)
	}
	t.record(blob.Digest)
	return nil
}

// Manifest writes a manifest or a manifest list by its digest, without a tag. What it refers to must be there.
func (t *Target) Manifest(ctx context.Context, data []byte) (digest.Digest, error) {
	sum, err := manifest.Digest(data)
	if err != nil {
		return "", fmt.Errorf("computing the digest of a manifest: %w", err)
	}
	err = t.client.retry(ctx, func() error { return t.writer.manifest(ctx, sum.String(), data, sum) })
	return sum, t.client.refused(err, "pushing a manifest to", t.ref)
}

// Commit writes the manifest under the tag that the target was opened with, if any. Everything that it refers to must
// be there.
func (t *Target) Commit(ctx context.Context, data []byte) (digest.Digest, error) {
	sum, err := manifest.Digest(data)
	if err != nil {
		return "", fmt.Errorf("computing the digest of a manifest: %w", err)
	}
	name := cmp.Or(nameOf(t.named), sum.String())
	err = t.client.retry(ctx, func() error { return t.writer.manifest(ctx, name, data, sum) })
	return sum, t.client.refused(err, "pushing the manifest to", t.ref)
}

// Verify asks the registry what the target's tag names. Another digest, because somebody else moved the tag or because
// the registry lies, is an error.
func (t *Target) Verify(ctx context.Context, want digest.Digest) error {
	if reference.IsNameOnly(t.named) {
		return nil
	}
	got, err := t.client.resolve(ctx, t.named)
	if err == nil && got != want {
		err = fmt.Errorf("pushed %s, but the tag now names %s", want, got)
	}
	return t.client.refused(err, "verifying the push to", t.ref)
}

func (t *Target) has(blob digest.Digest) bool {
	r := t.client.repository(t.Repository())
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.holds[blob]
}

func (t *Target) record(blob digest.Digest) {
	t.client.remember(t.named, []types.BlobInfo{{Digest: blob}})
}

// refused explains a failure to write: unless the registry wants other credentials, it is fault.Publish.
func (c *Client) refused(err error, action, ref string) error {
	if err == nil {
		return nil
	}
	var unread *ReadError
	if errors.As(err, &unread) { // nothing is wrong with the place that is written to
		return unread
	}
	explained := c.Explain(err, action, ref)
	if fault.KindOf(explained) == fault.Unauthorized || fault.KindOf(explained) == fault.Interrupted {
		return explained
	}
	return fault.New(fault.Publish, "", explained)
}

// BlobOf returns a layer or the config of an image as a blob that is read from there.
func (i *Image) BlobOf(info types.BlobInfo) Blob {
	return Blob{Digest: info.Digest, Size: info.Size, MediaType: info.MediaType,
		Open: func(ctx context.Context) (io.ReadCloser, error) {
			r, w := io.Pipe()
			go func() {
				err := i.Blob(ctx, info, func(stream io.Reader) error {
					_, err := io.Copy(w, stream)
					return err
				})
				w.CloseWithError(i.client.Explain(err, "reading", i.PullSpec()))
			}()
			return r, nil
		}}
}
