package signature

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// timeout bounds one request to a store.
const timeout = 30 * time.Second

// OpenStore opens a store: a directory, or a URL of one by https, or by http on this machine.
func OpenStore(name string) (Store, error) {
	u, err := url.Parse(name)
	if err != nil || u.Scheme == "" || u.Scheme == "file" {
		directory := name
		if u != nil && u.Scheme == "file" {
			directory = u.Path
		}
		if info, err := os.Stat(directory); err != nil || !info.IsDir() {
			return nil, fault.New(fault.Usage, "", fmt.Errorf("signature store %q is not a directory: %w", name,
				errors.Join(err)))
		}
		return directoryStore(directory), nil
	}
	if u.Scheme != "https" && (u.Scheme != "http" ||
		u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" && u.Hostname() != "::1") {
		return nil, fault.Errorf(fault.Usage, "signature store %q: want https, or a directory", name)
	}
	return &webStore{base: u, client: &http.Client{Timeout: timeout}}, nil
}

// place is where a store has a signature: sha256=HEX/signature-N.
func place(image digest.Digest, n int) string {
	return string(image.Algorithm()) + "=" + image.Encoded() + "/signature-" + strconv.Itoa(n)
}

type directoryStore string

// Get implements Store.
func (d directoryStore) Get(_ context.Context, image digest.Digest, n int) ([]byte, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return nil, fmt.Errorf("opening the signature store: %w", err)
	}
	defer root.Close()
	file, err := regular.OpenIn(root, place(image, n))
	if err != nil {
		return nil, fmt.Errorf("reading a signature: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSignature))
	return data, errors.Join(err, file.Close())
}

type webStore struct {
	base   *url.URL
	client *http.Client
}

// Get implements Store.
func (s *webStore) Get(ctx context.Context, image digest.Digest, n int) ([]byte, error) {
	u := *s.base
	u.Path = path.Join("/", u.Path, place(image, n))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("reading a signature: %w", err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reading a signature: %w", err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound, http.StatusForbidden: // object stores answer 403 for what they do not have
		return nil, fmt.Errorf("reading a signature from %s: %w",
			strings.ReplaceAll(u.Redacted(), "\n", ""), os.ErrNotExist)
	default:
		return nil, fmt.Errorf("reading a signature from %s: %s", u.Redacted(), response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxSignature))
	if err != nil {
		return nil, fmt.Errorf("reading a signature from %s: %w", u.Redacted(), err)
	}
	return data, nil
}
