package gitsrc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// interrupted fetches with a context that is cut off on the way, and wants that to be what ends it, within five
// seconds even on a busy machine, with nothing left behind. mayFinish is whether the fetch may also be through before.
func interrupted(ctx context.Context, t *testing.T, s *gitsrc.Store, commit string, mayFinish bool) {
	t.Helper()
	dest := filepath.Join(t.TempDir(), "checkout")
	var cut time.Time
	seen := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		cut = time.Now()
		close(seen)
	})()
	tree, err := s.Fetch(ctx, gitsrc.Request{Repository: component, Commit: commit}, dest)
	if err == nil && mayFinish {
		checkClean(t, tree)
		return
	}
	if !errors.Is(err, context.Canceled) || fault.KindOf(err) != fault.Interrupted {
		t.Fatalf("Fetch: %v", err)
	}
	<-seen
	if took := time.Since(cut); took > 5*time.Second {
		t.Errorf("the fetch ended %s after the interrupt", took)
	}
	if _, err := os.Lstat(dest); err == nil {
		t.Error("the directory of the checkout is left behind")
	}
}

func TestInterruptWhileTheServerAnswers(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	for _, test := range []struct {
		description string
		sent        float64 // part of the answer that comes before the interrupt
	}{{"no answer", 0}, {"the beginning of a pack", 0.1}, {"most of a pack", 0.9}} {
		t.Run(test.description, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			server.behave(func(git http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					recorder := httptest.NewRecorder()
					git.ServeHTTP(recorder, r)
					body := recorder.Body.Bytes()
					w.Write(body[:int(float64(len(body))*test.sent)])
					w.(http.Flusher).Flush()
					cancel()
					<-r.Context().Done()
				})
			})
			s, _ := server.store(t)
			interrupted(ctx, t, s, commit, false)
		})
	}
}

func TestInterruptWhileAnotherRunFetches(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	asked := make(chan struct{}, 100)
	server.behave(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // or the server does not see that the client is gone
			asked <- struct{}{}
			<-r.Context().Done()
		})
	})
	s, _ := server.store(t)
	first, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = s.Fetch(first, gitsrc.Request{Repository: component, Commit: commit},
			filepath.Join(t.TempDir(), "first"))
	}()
	<-asked
	ctx, cancel := context.WithTimeoutCause(context.Background(), 100*time.Millisecond, context.Canceled)
	defer cancel()
	interrupted(ctx, t, s, commit, false)
	stop()
	<-over
}

// An interrupt may come at any time: in the pack, between pack and checkout, in the checkout.
func TestInterruptAtAnyTime(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	files := map[string]string{}
	for i := range 500 {
		name := fmt.Sprintf("dir%d/file%d", i%40, i)
		files[name] = strings.Repeat(name, 50)
	}
	commit := upstream.commitFiles("main", "many", files)
	for delay := 5 * time.Millisecond; delay < 100*time.Millisecond; delay += delay {
		s, _ := server.store(t)
		ctx, cancel := context.WithCancel(context.Background())
		timer := time.AfterFunc(delay, cancel)
		interrupted(ctx, t, s, commit, true)
		timer.Stop()
		cancel()
		checkClean(t, mustFetch(t, s, gitsrc.Request{Repository: component, Commit: commit}))
	}
}
