package registry_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// tokens is a token service, and the registry before which it stands wants its newest token.
type tokens struct {
	url string

	mu       sync.Mutex
	scopes   []string // of each token that was asked for
	logins   []string // Authorization headers
	refreshs []string // refresh tokens
	refused  int      // requests to the registry without the newest token
	hook     func(w http.ResponseWriter, r *http.Request) bool
}

func newTokens(t *testing.T) *tokens {
	t.Helper()
	s := &tokens{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// ServeHTTP implements http.Handler: it hands out a token to anybody.
func (s *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hook != nil && s.hook(w, r) {
		return
	}
	_ = r.ParseForm()
	s.scopes = append(s.scopes, strings.Join(r.Form["scope"], " "))
	s.logins = append(s.logins, r.Header.Get("Authorization"))
	s.refreshs = append(s.refreshs, r.PostForm.Get("refresh_token"))
	_, _ = fmt.Fprintf(w, `{"token":"token-%d"}`, len(s.scopes))
}

// admit answers requests without one of the tokens that were handed out since the one named first.
func (s *tokens) admit(w http.ResponseWriter, r *http.Request, first int) (refused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := first; n <= len(s.scopes); n++ {
		if r.Header.Get("Authorization") == fmt.Sprintf("Bearer token-%d", n) {
			return false
		}
	}
	s.refused++
	w.Header().Add("WWW-Authenticate", "Negotiate")
	w.Header().Add("WWW-Authenticate", `Bearer realm="`+s.url+`/token",service="here",scope="whatever"`)
	w.WriteHeader(http.StatusUnauthorized)
	return true
}

// with returns a client with an auth file that has an entry for host.
func with(t *testing.T, host, entry string) *registry.Client {
	t.Helper()
	auth := t.TempDir() + "/auth.json"
	check(t, writeFile(auth, `{"auths":{"`+host+`":{`+entry+`}}}`))
	client, err := registry.New(registry.Options{Insecure: true, Platform: "linux/amd64", AuthFile: auth,
		Delay: time.Millisecond})
	check(t, err)
	t.Cleanup(func() { check(t, client.Close()) })
	return client
}

// login is the canary's entry of an auth file.
func login() string {
	return `"auth":"` + base64.StdEncoding.EncodeToString([]byte("canary:se:cret\n")) + `"`
}

// identity is the entry of one who has logged in with a browser.
func identity() string {
	return `"auth":"` + base64.StdEncoding.EncodeToString([]byte("<token>:")) + `","identitytoken":"canary"`
}

// TestTokens reads an image and pushes it side by side: one request is refused, and says where tokens are; one token is
// asked for to read, one to write, and one more to mount from another repository. Another target of the repository uses
// them too.
func TestTokens(t *testing.T) {
	f, s := newFront(t), newTokens(t)
	client := with(t, f.host, login())
	spec := f.push(t)
	f.fail(func(w http.ResponseWriter, r *http.Request) bool { return s.admit(w, r, 1) })
	image, err := client.Image(context.Background(), spec)
	check(t, err)
	opened := 0
	target := f.target(t, client, "/to/there:latest")
	check(t, target.PutAll(context.Background(),
		append(layers(image, &opened), registry.Bytes(image.ConfigBlob, ""))))
	sum, err := target.Commit(context.Background(), image.Manifest)
	check(t, err)
	check(t, target.Verify(context.Background(), sum))
	check(t, put(context.Background(), client, f.host+"/to/there:again"))
	if s.refused != 1 || opened != 0 {
		t.Errorf("%d requests were refused, %d layers read", s.refused, opened)
	}
	slices.Sort(s.scopes)
	want := []string{"repository:from/here:pull", "repository:to/there:pull,push",
		"repository:to/there:pull,push repository:from/here:pull"}
	if diff := cmp.Diff(want, s.scopes); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
	for _, header := range s.logins {
		if header != "Basic "+base64.StdEncoding.EncodeToString([]byte("canary:se:cret\n")) {
			t.Errorf("the token service got %q", header)
		}
	}
}

// TestTokensToWriteOnly pushes to a registry that everybody may read: of the blobs that are sent side by side, the
// first alone is refused.
func TestTokensToWriteOnly(t *testing.T) {
	f, s := newFront(t), newTokens(t)
	f.fail(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method != http.MethodHead && s.admit(w, r, 1)
	})
	var blobs []registry.Blob
	for n := range 8 {
		blob := registry.Bytes([]byte{byte(n)}, "")
		blob.New = n%2 == 0
		blobs = append(blobs, blob)
	}
	check(t, f.target(t, with(t, f.host, login()), "/a/b:c").PutAll(context.Background(), blobs))
	if s.refused != 1 || len(s.scopes) != 1 {
		t.Errorf("%d requests were refused, %d tokens asked for", s.refused, len(s.scopes))
	}
}

// TestTokenThatEnds lets the token end in the middle of an upload: the upload goes on with another.
func TestTokenThatEnds(t *testing.T) {
	f, s := newFront(t), newTokens(t)
	client := with(t, f.host, login())
	f.fail(func(w http.ResponseWriter, r *http.Request) bool {
		first := 1
		if r.Method == http.MethodPut {
			first = 2
		}
		return s.admit(w, r, first)
	})
	blob, opened := opening([]byte("content"))
	check(t, f.target(t, client, "/a/b:c").Put(context.Background(), blob))
	// POST without and with a token, PUT with the old one and a new one.
	if diff := cmp.Diff(map[string]int{"POST": 2, "PUT": 2}, f.count()); diff != "" || opened.Load() != 2 ||
		len(s.scopes) != 2 {
		t.Errorf("opened %d times, %d tokens, requests (-want +got):\n%s", opened.Load(), len(s.scopes), diff)
	}
}

// TestTokensThatAreNotEnough refuses every token: the push ends, and says with which credentials.
func TestTokensThatAreNotEnough(t *testing.T) {
	f, s := newFront(t), newTokens(t)
	client := with(t, f.host, login())
	f.fail(func(w http.ResponseWriter, r *http.Request) bool { return s.admit(w, r, 1000) })
	err := put(context.Background(), client, f.host+"/a/b:c")
	if fault.KindOf(err) != fault.Unauthorized || !strings.Contains(fault.AdviceOf(err), "auth.json") ||
		strings.Contains(err.Error(), "cret") {
		t.Errorf("kind %d, advice %q: %v", fault.KindOf(err), fault.AdviceOf(err), err)
	}
	if s.refused > 2 {
		t.Errorf("%d requests were refused, want 2 at most", s.refused)
	}
}
