package gitsrc_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

func TestCanceled(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	ctx, cancel := context.WithCancel(context.Background())
	server.behave(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			cancel()
			<-r.Context().Done()
		})
	})
	s, _ := server.store(t)
	dest := filepath.Join(t.TempDir(), "checkout")
	_, err := s.Fetch(ctx, gitsrc.Request{Repository: component, Commit: commit}, dest)
	if !errors.Is(err, context.Canceled) || fault.KindOf(err) != fault.Interrupted {
		t.Errorf("Fetch: %v", err)
	}
	if _, err := os.Lstat(dest); err == nil {
		t.Error("the directory of the checkout is left behind")
	}
}
