// Package payloadtest seeds registries with release payloads, for tests: small ones that a test describes, and a real
// release whose manifests and image-references are at hand. It writes images with go-containerregistry, so that what it
// seeds owes nothing to the code under test.
package payloadtest

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/registry"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Registry is a registry in this process that counts requests and can be made to fail.
type Registry struct {
	Host string // host:port on loopback

	// Handler is the registry itself, which answers what does not fail.
	Handler http.Handler

	mu       sync.Mutex
	requests []string
	read     int64
	fault    func(w http.ResponseWriter, r *http.Request) bool
}

// NewRegistry starts a registry, which ends with the test.
func NewRegistry(t testing.TB) *Registry {
	t.Helper()
	r := &Registry{Handler: ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		r.requests = append(r.requests, request.Method+" "+request.URL.Path)
		fault := r.fault
		r.mu.Unlock()
		if fault != nil && fault(w, request) {
			return
		}
		r.Handler.ServeHTTP(&counter{w, r}, request)
	}))
	t.Cleanup(server.Close)
	r.Host = strings.TrimPrefix(server.URL, "http://")
	return r
}

// counter counts the bytes of answers.
type counter struct {
	http.ResponseWriter
	registry *Registry
}

// Unwrap implements what http.ResponseController looks for.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Write implements http.ResponseWriter.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.registry.mu.Lock()
	c.registry.read += int64(n)
	c.registry.mu.Unlock()
	return n, err
}

// Reset forgets the requests so far and returns them, each as "METHOD path", and the bytes that were answered.
func (r *Registry) Reset() (requests []string, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests, bytes = r.requests, r.read
	r.requests, r.read = nil, 0
	return requests, bytes
}

// Fail makes the registry ask fail before each request; fail answers the request itself and returns true, or returns
// false. nil ends it.
func (r *Registry) Fail(fail func(w http.ResponseWriter, r *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = fail
}

// Client returns a client for registries on loopback, which is closed with the test. It tries again quickly. On a
// machine without a policy.json it keeps one in the temporary directory.
func Client(t testing.TB) *registry.Client {
	t.Helper()
	return ClientWith(t, "")
}

// ClientFor is Client for another platform than linux/amd64.
func ClientFor(t testing.TB, platform string) *registry.Client {
	t.Helper()
	return client(t, platform, "")
}

// ClientWith is Client with a policy.json.
func ClientWith(t testing.TB, policy string) *registry.Client {
	t.Helper()
	return client(t, "linux/amd64", policy)
}

func client(t testing.TB, platform, policy string) *registry.Client {
	t.Helper()
	t.Setenv("REGISTRY_AUTH_FILE", "")
	c, err := registry.New(registry.Options{Insecure: true, Platform: platform, Delay: time.Millisecond,
		SignaturePolicy: policy})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
