package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker/reference"

	"github.com/oc-rebuild/oc-rebuild/internal/registry/distribution"
)

// writer writes into a repository of a registry. All targets of a client that name the repository share it, and with it tokens, connections
// and what it learned.
type writer struct {
	client     *Client
	named      reference.Named
	repository *distribution.Repository

	first *distribution.First // of the blobs that can be mounted: it shows how the registry takes that, and the others follow

	mu      sync.Mutex
	mounts  bool            // the last blob that was to be mounted was
	refused map[string]bool // paths of repositories that the credentials here do not mount from
}

// writer returns the client's writer for a repository.
func (c *Client) writer(named reference.Named) (*writer, error) {
	r := c.repository(named.Name())
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.writer == nil {
		repository, err := c.dial(named)
		if err != nil {
			return nil, err
		}
		r.writer = &writer{client: c, named: named, repository: repository, first: distribution.NewFirst(), refused: map[string]bool{}}
	}
	return r.writer, nil
}

// put makes sure that the repository has a blob.
func (w *writer) put(ctx context.Context, blob Blob) error {
	session, err := w.reuse(ctx, blob)
	if err != nil || session == nil {
		return err
	}
	return session.Upload(ctx, blob.Digest, blob.Size, func() (io.ReadCloser, error) {
		stream, err := blob.Open(ctx)
		if err != nil {
			return nil, err
		}
		return &whole{verifier{stream: stream, limit: blob.Size, check: blob.Digest.Verifier()}, stream}, nil
	})
}

// reuse returns no session where the repository has a blob, or has it now. Another repository of the registry that is known to have it is
// where it is taken from. While mounting works that takes one request a blob. Where it does not, or did not yet, the repository is asked first,
// so that no upload is begun in vain.
func (w *writer) reuse(ctx context.Context, blob Blob) (session *distribution.Session, err error) {
	if blob.New {
		return w.repository.Begin(ctx)
	}
	from, known := w.client.located(w.named, blob.Digest)
	if known {
		var end func(learned bool)
		if end, err = w.first.Begin(ctx); err != nil {
			return nil, err
		}
		defer func() { end(err == nil) }()
	}
	eager, allowed := w.trusts(from)
	mounted := false
	if known && eager && allowed {
		if session, mounted, err = w.mount(ctx, blob.Digest, from); mounted || err != nil {
			return nil, err
		}
	}
	if has, err := w.repository.Has(ctx, blob.Digest); has || err != nil {
		if session != nil {
			session.Cancel(ctx)
		}
		return nil, err
	}
	if known && !eager && allowed {
		if session, mounted, _ = w.mount(ctx, blob.Digest, from); mounted {
			return nil, nil
		} // an error is of mounting only: the registry has just answered
	}
	if session == nil {
		return w.repository.Begin(ctx)
	}
	return session, nil
}

// trusts tells whether mounting works, and whether the credentials allow it from a repository.
func (w *writer) trusts(from string) (works, allowed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mounts, !w.refused[from]
}

// mount tries to mount a blob. Instead there may be a session, or neither.
func (w *writer) mount(ctx context.Context, blob digest.Digest, from string) (session *distribution.Session, mounted bool, err error) {
	session, err = w.repository.Mount(ctx, blob, from)
	mounted = err == nil && session == nil
	var answer *distribution.Error
	denied := errors.As(err, &answer) && answer.Status/100 == 4 && answer.Status != http.StatusTooManyRequests
	w.mu.Lock()
	defer w.mu.Unlock()
	if denied {
		w.refused[from] = true
		return nil, false, nil
	}
	w.mounts = mounted
	return session, mounted, err
}

// whole is content on its way to a registry. Its last bytes are given away only where all of it has the digest that names it.
type whole struct {
	verifier
	io.Closer
}

// Read implements io.Reader.
func (s *whole) Read(p []byte) (int, error) {
	n, err := s.verifier.Read(p)
	if (err == io.EOF || s.limit > 0 && s.read == s.limit) && !s.check.Verified() {
		return 0, fmt.Errorf("after %d bytes: %w", s.read, errTampered)
	}
	return n, err
}

// tagged is a writer with the tag that Target.Commit names; "" = manifests go by their digests only.
type tagged struct {
	*writer
	tag string
}

func tagOf(named reference.Named) string {
	if t, ok := named.(reference.Tagged); ok {
		return t.Tag()
	}
	return ""
}

func (t *tagged) manifest(ctx context.Context, data []byte, sum digest.Digest) error {
	return t.repository.PutManifest(ctx, sum.String(), data, sum)
}

func (t *tagged) commit(ctx context.Context, data []byte, sum digest.Digest) error {
	if t.tag == "" {
		return t.manifest(ctx, data, sum)
	}
	return t.repository.PutManifest(ctx, t.tag, data, sum)
}

// close leaves the connections to the client, whose other targets may use them.
func (t *tagged) close() error { return nil }
