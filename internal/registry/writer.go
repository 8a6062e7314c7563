package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker/reference"

	"github.com/oc-rebuild/oc-rebuild/internal/registry/distribution"
)

// writer writes into a repository of a registry. All targets of a client that name the repository share it, and with it
// tokens, connections and what it learned.
type writer struct {
	client     *Client
	named      reference.Named
	repository *distribution.Repository

	// of the blobs that can be mounted: it shows how the registry takes that, and the others follow
	first *distribution.First

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
		r.writer = &writer{client: c, named: named, repository: repository, first: distribution.NewFirst(),
			refused: map[string]bool{}}
	}
	return r.writer, nil
}

// put makes sure that the repository has a blob.
func (w *writer) put(ctx context.Context, blob Blob) error {
	var session *distribution.Session
	err := w.client.retry(ctx, func() (err error) {
		session, err = w.reuse(ctx, blob)
		return err
	})
	if err != nil || session == nil {
		return err
	}
	var last *whole
	err = session.Upload(ctx, blob.Digest, blob.Size, func() (io.ReadCloser, error) {
		stream, err := blob.whole(ctx)
		if err != nil {
			return nil, err
		}
		last = stream
		return stream, nil
	})
	return last.explain(err)
}

// reuse returns no session where the repository has a blob, or has it now. Another repository of the registry that is
// known to have it is where it is taken from. While mounting works that takes one request a blob. Where it does not, or
// did not yet, the repository is asked first, so that no upload is begun in vain.
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
func (w *writer) mount(ctx context.Context, blob digest.Digest, from string) (session *distribution.Session,
	mounted bool, err error) {
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

// whole is content on its way to a target. Its last bytes are given away only where all of it has the digest that names
// it.
type whole struct {
	verifier
	sum    digest.Digest
	closer io.Closer
	closed atomic.Bool
	failed atomic.Pointer[ReadError]
}

func (b Blob) whole(ctx context.Context) (*whole, error) {
	stream, err := b.Open(ctx)
	if err != nil {
		return nil, &ReadError{err}
	}
	return &whole{verifier: verifier{stream: stream, limit: b.Size, check: b.Digest.Verifier()}, sum: b.Digest,
		closer: stream}, nil
}

// Read implements io.Reader.
func (s *whole) Read(p []byte) (int, error) {
	n, err := s.verifier.Read(p)
	if (err == io.EOF || s.limit > 0 && s.read == s.limit) && !s.check.Verified() {
		n, err = 0, fmt.Errorf("blob %s, after %d bytes: %w", s.sum, s.read, ErrTampered)
	}
	if err == nil || err == io.EOF || s.closed.Load() {
		return n, err
	}
	failed := &ReadError{err}
	s.failed.Store(failed)
	return n, failed
}

// Close implements io.Closer.
func (s *whole) Close() error {
	s.closed.Store(true)
	return s.closer.Close()
}

// explain replaces the error of who was given the content, where it could not be read: what a registry says of content
// that ends too early is no news. s may be nil.
func (s *whole) explain(err error) error {
	if err != nil && s != nil {
		if failed := s.failed.Load(); failed != nil {
			return failed
		}
	}
	return err
}

// ReadError is a failure to read what was to be written: it says nothing of the place that is written to.
type ReadError struct{ err error }

// Error implements error.
func (e *ReadError) Error() string { return e.err.Error() }

// Unwrap gives access to the failure itself.
func (e *ReadError) Unwrap() error { return e.err }

// manifest writes a manifest under a tag or its digest.
func (w *writer) manifest(ctx context.Context, name string, data []byte, sum digest.Digest) error {
	return w.repository.PutManifest(ctx, name, data, sum)
}
