package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// TestGets tells a registry that shows an image to nobody from one that is out of order.
func TestGets(t *testing.T) {
	sum := "sha256:" + strings.Repeat("1", 64)
	for status, want := range map[int]struct{ got, fails bool }{
		http.StatusOK:                  {got: true},
		http.StatusUnauthorized:        {},
		http.StatusForbidden:           {},
		http.StatusNotFound:            {},
		http.StatusServiceUnavailable:  {fails: true},
		http.StatusInternalServerError: {fails: true},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Docker-Content-Digest", sum)
			w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
			w.WriteHeader(status)
		}))
		options := registryOptions{Options: registry.Options{Insecure: true}}
		got, err := options.gets(t.Context(), strings.TrimPrefix(server.URL, "http://")+"/a/b@"+sum, []byte(`{"auths":{}}`))
		if got != want.got || err != nil != want.fails {
			t.Errorf("%d: %t, %v", status, got, err)
		}
		server.Close()
		if got, err := options.gets(t.Context(), strings.TrimPrefix(server.URL, "http://")+"/a/b@"+sum, nil); got || err == nil {
			t.Errorf("a registry that is gone: %t, %v", got, err)
		}
	}
}
