package registry_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// front stands before a registry that keeps the blobs of each repository apart. It may answer in its place.
type front struct {
	host string
	next http.Handler

	mu       sync.Mutex
	requests []string
	hook     func(w http.ResponseWriter, r *http.Request) bool
}

func newFront(t *testing.T) *front {
	t.Helper()
	server, err := playground.NewRegistry(t.TempDir())
	check(t, err)
	t.Cleanup(server.Close)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: server.Host})
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	f := &front{next: proxy}
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		kind := r.Method
		if r.URL.Query().Has("mount") {
			kind = "MOUNT"
		}
		f.requests = append(f.requests, kind+" "+r.URL.Path)
		hook := f.hook
		f.mu.Unlock()
		if hook == nil || !hook(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(listener.Close)
	f.host = strings.TrimPrefix(listener.URL, "http://")
	return f
}

// fail makes the front ask hook before each request, as payloadtest.Registry.Fail does.
func (f *front) fail(hook func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hook = hook
}

// count returns how many requests of each method came since the last call; a mount is "MOUNT", and no "POST".
func (f *front) count() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[string]int{}
	for _, request := range f.requests {
		method, _, _ := strings.Cut(request, " ")
		counts[method]++
	}
	f.requests = nil
	return counts
}

// push pushes an image of three layers to from/here, and returns its pull spec.
func (f *front) push(t *testing.T) string {
	t.Helper()
	ref, err := name.NewTag(f.host+"/from/here:latest", name.Insecure)
	check(t, err)
	check(t, remote.Write(ref, payloadtest.Image{Created: when,
		Layers: []map[string]string{{"a": "1"}, {"b": "2"}, {"c": "3"}}}.Build(t)))
	return ref.String()
}

// image pushes an image, and reads it.
func (f *front) image(t *testing.T, client *registry.Client) *registry.Image {
	t.Helper()
	image, err := client.Image(context.Background(), f.push(t))
	check(t, err)
	f.count()
	return image
}

// target opens a repository of the front.
func (f *front) target(t *testing.T, client *registry.Client, ref string) *registry.Target {
	t.Helper()
	target, err := client.Target(f.host + ref)
	check(t, err)
	return target
}

// layers returns the layers of an image as blobs; opened counts how often they are read.
func layers(image *registry.Image, opened *int) []registry.Blob {
	var blobs []registry.Blob
	var mu sync.Mutex
	for _, info := range slices.Backward(image.Layers) {
		blob := image.BlobOf(info)
		open := blob.Open
		blob.Open = func(ctx context.Context) (io.ReadCloser, error) {
			mu.Lock()
			defer mu.Unlock()
			*opened++
			return open(ctx)
		}
		blobs = append(blobs, blob)
	}
	return blobs
}

// mounting tells whether a request wants to mount a blob.
func mounting(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("mount")
}
