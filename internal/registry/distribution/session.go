package distribution

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Session is an upload that a registry has begun. It may be at another host: that gets the content, and no credentials.
type Session struct {
	repository *Repository
	location   *url.URL
}

// session reads the answer to a request that begins an upload.
func (r *Repository) session(answer *http.Response) (*Session, error) {
	if answer.StatusCode != http.StatusAccepted {
		return nil, r.registry.refusal(answer)
	}
	_, _ = end(answer)
	location, err := r.location(answer)
	if err != nil {
		return nil, err
	}
	return &Session{r, location}, nil
}

// location returns where an upload goes on. A registry that is reached over TLS may not know of it, where something
// before it speaks TLS on its behalf: its own address keeps TLS.
func (r *Repository) location(answer *http.Response) (*url.URL, error) {
	location, err := answer.Location()
	if err != nil {
		return nil, fmt.Errorf("%s does not say where the upload goes: %w", answer.Request.URL.Host, err)
	}
	if location.Host == "" || location.Scheme != "https" && location.Scheme != "http" {
		return nil, fmt.Errorf("%s sends the upload to %q, which is no address", answer.Request.URL.Host,
			location.Redacted())
	}
	if strings.EqualFold(location.Host, r.registry.host) {
		location.Scheme = r.registry.candidates()[0]
	}
	return location, nil
}

// Upload sends a blob and ends the session. size is in bytes; -1 = unknown. open returns the content from its
// beginning, and is called once for each time that it is sent: where credentials have to be renewed, or the registry
// sends on, that is more than once.
func (s *Session) Upload(ctx context.Context, blob digest.Digest, size int64,
	open func() (io.ReadCloser, error)) error {
	if size <= 0 { // PUT wants to know; in parts it need not
		if err := s.stream(ctx, open); err != nil {
			return err
		}
		open, size = nil, 0
	}
	u := *s.location
	query := u.Query()
	query.Set("digest", blob.String())
	u.RawQuery = query.Encode()
	answer, err := s.repository.send(ctx, request{method: http.MethodPut, url: &u, header: octets(),
		open: open, size: size})
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusCreated {
		return s.repository.registry.refusal(answer)
	}
	_, _ = end(answer)
	return checkDigest(answer, blob)
}

// stream sends content of unknown size.
func (s *Session) stream(ctx context.Context, open func() (io.ReadCloser, error)) error {
	answer, err := s.repository.send(ctx, request{method: http.MethodPatch, url: s.location, header: octets(),
		open: open, size: -1})
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return s.repository.registry.refusal(answer)
	}
	_, _ = end(answer)
	s.location, err = s.repository.location(answer)
	return err
}

func octets() map[string]string { return map[string]string{"Content-Type": "application/octet-stream"} }

// Cancel ends a session that is not needed. Registries forget them by themselves, and some let nobody delete one: it
// does not matter if it fails.
func (s *Session) Cancel(ctx context.Context) {
	answer, err := s.repository.send(ctx, request{method: http.MethodDelete, url: s.location, final: true})
	if err == nil {
		_, _ = end(answer)
	}
}
