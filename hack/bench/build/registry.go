package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
)

// registry is one in this process that adds up what it is sent.
type registry struct {
	server *httptest.Server
	host   string

	mu       sync.Mutex
	received int64            // bytes of blobs
	sizes    map[string]int64 // of the layers that manifests name, by digest
	known    map[string]bool  // digests that manifests of earlier rounds named
}

func startRegistry() (*registry, error) {
	r := &registry{sizes: map[string]int64{}, known: map[string]bool{}}
	handler := ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if strings.Contains(request.URL.Path, "/manifests/") && request.Method == http.MethodPut {
			data, err := io.ReadAll(request.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r.manifest(data)
			request.Body = io.NopCloser(strings.NewReader(string(data)))
		} else if request.Body != nil {
			request.Body = &counted{request.Body, r}
		}
		handler.ServeHTTP(w, request)
	}))
	r.host = strings.TrimPrefix(r.server.URL, "http://")
	return r, nil
}

func (r *registry) close() { r.server.Close() }

// manifest remembers the layers that a manifest names.
func (r *registry) manifest(data []byte) {
	var manifest struct {
		Layers []struct {
			Digest string
			Size   int64
		}
	}
	if json.Unmarshal(data, &manifest) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, layer := range manifest.Layers {
		if !r.known[layer.Digest] {
			r.sizes[layer.Digest] = layer.Size
		}
	}
}

// reset returns the bytes of blobs since the last time, and the size of the layers that were new in that time.
func (r *registry) reset() (received, layers int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for digest, size := range r.sizes {
		layers += size
		r.known[digest] = true
	}
	received, r.received, r.sizes = r.received, 0, map[string]int64{}
	return received, layers
}

// counted adds what is read of a request to the registry's sum.
type counted struct {
	io.ReadCloser
	registry *registry
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.registry.mu.Lock()
	c.registry.received += int64(n)
	c.registry.mu.Unlock()
	return n, err
}
