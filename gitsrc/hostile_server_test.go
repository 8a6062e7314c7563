package gitsrc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
)

// refused fetches and wants an error with a text, in good time, and nothing left behind.
func refused(t *testing.T, s *gitsrc.Store, req gitsrc.Request, text string) error {
	t.Helper()
	dest := filepath.Join(t.TempDir(), "checkout")
	begin := time.Now()
	tree, err := s.Fetch(context.Background(), req, dest)
	if err == nil {
		t.Fatalf("Fetch = %+v, want an error with %q", tree, text)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("Fetch: %v, want %q", err, text)
	}
	if strings.ContainsAny(err.Error(), "\x1b\x00\r") {
		t.Errorf("the error holds control characters: %q", err)
	}
	// hangs otherwise; a busy machine with coverage took 26 seconds
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("Fetch took %s", took)
	}
	if _, err := os.Lstat(dest); err == nil {
		t.Error("the directory of the checkout is left behind")
	}
	return err
}

func TestServerAnswersAnotherCommit(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	asked := upstream.commitFiles("topic", "one", someFiles())
	upstream.git("update-ref", "refs/pull/1/head", asked)
	upstream.git("update-ref", "-d", "refs/heads/topic")
	other := upstream.commitFiles("main", "two", map[string]string{"README": "evil\n"})
	server.behave(func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte(asked), []byte(other))))
			}
			git.ServeHTTP(w, r)
		})
	})
	s, _ := server.store(t)
	refused(t, s, gitsrc.Request{Repository: component, Commit: asked}, asked)
	server.wrap.Store(nil)
	checkClean(t, mustFetch(t, s, gitsrc.Request{Repository: component, Commit: asked}))
}

func TestServerRefusesSingleCommits(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	first := upstream.commitFiles("main", "one", someFiles())
	upstream.commitFiles("main", "two", map[string]string{"README": "two\n"})
	server.behave(func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.Method == http.MethodPost && bytes.Contains(body, []byte("want "+first)) {
				text := "ERR upload-pack: not our ref\x1b[2J " + first
				fmt.Fprintf(w, "%04x%s", len(text)+4, text)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			git.ServeHTTP(w, r)
		})
	})
	s, told := server.store(t)
	checkClean(t, mustFetch(t, s, gitsrc.Request{Repository: component, Commit: first}))
	if !strings.Contains(told.String(), "not our ref") || strings.Contains(told.String(), "\x1b") {
		t.Errorf("what the server said is lost or unsafe: %q", told)
	}
}

func TestAnswersWithoutEnd(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	commit := upstream.commitFiles("main", "one", someFiles())
	limits := gitsrc.DefaultLimits()
	limits.Server.RefBytes, limits.Server.AnswerBytes, limits.Pack.PackBytes = 1<<20, 2<<20, 1<<20
	limits.Server.Stall, limits.Server.Total = 500*time.Millisecond, 5*time.Second
	flood := func(line string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				io.WriteString(w, "0008NAK\n")
			}
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, line); err != nil {
					return
				}
			}
		}
	}
	hang := func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	ref := "003f" + strings.Repeat("a", 40) + " refs/heads/main-with-a-n\n"
	sideband := func(channel string) string {
		return fmt.Sprintf("%04x%s%s", 5+1000, channel, strings.Repeat("x", 1000))
	}
	slowly := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			io.WriteString(w, "0005\x01")
			w.(http.Flusher).Flush()
			time.Sleep(100 * time.Millisecond)
		}
	}
	tests := []struct {
		description string
		handler     http.HandlerFunc
	}{
		{"refs and packs without end", func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				flood(ref)(w, r)
				return
			}
			flood(sideband("\x01"))(w, r)
		}},
		{"progress without end", flood(sideband("\x02"))},
		{"agreement without end", flood("0008NAK\n")},
		{"errors without end", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			flood("no\x1b[2J")(w, r)
		}},
		{"no answer", hang},
		{"a byte now and then", slowly},
		{"not git", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>\x1b[2J") }},
		{"not git at all", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte{0xff, 0xfe, 0}) }},
		{"redirects without end",
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) }},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			server.behave(func(http.Handler) http.Handler { return test.handler })
			s, told := server.store(t, func(o *gitsrc.Options) { o.Limits = &limits })
			refused(t, s, gitsrc.Request{Repository: component, Commit: commit}, "127.0.0.1")
			refused(t, s, gitsrc.Request{Repository: component, Spec: parse(t, "@main")}, "127.0.0.1")
			if strings.Contains(told.String(), "\x1b") {
				t.Errorf("progress holds control characters: %q", told)
			}
		})
	}
}
