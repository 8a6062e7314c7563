package registry_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// TestTokenServices lets the token service answer in different ways.
func TestTokenServices(t *testing.T) {
	once := 0
	tests := []struct {
		description string
		hook        func(w http.ResponseWriter, r *http.Request) bool
		kind        fault.Kind // 0: the push succeeds
	}{
		{"no such user", func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}, fault.Unauthorized},
		{"may not push", func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"errors":[{"code":"DENIED","message":"not you"}]}`)
			return true
		}, fault.Unauthorized},
		{"a failure that passes", func(w http.ResponseWriter, _ *http.Request) bool {
			if once++; once == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return once == 1
		}, 0},
		{"no token", func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = io.WriteString(w, `{"expires_in":300}`)
			return true
		}, fault.Publish},
		{"a token that is another header", func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = io.WriteString(w, `{"token":"a\r\nX: y"}`)
			return true
		}, fault.Publish},
		{"megabytes", func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = io.WriteString(w, `{"token":"`+strings.Repeat("a", 1<<20)+`"}`)
			return true
		}, fault.Publish},
		{"redirects without end", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
			return true
		}, fault.Publish},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			f, s := newFront(t), newTokens(t)
			s.hook = test.hook
			f.fail(func(w http.ResponseWriter, r *http.Request) bool { return s.admit(w, r, 1) })
			err := put(context.Background(), with(t, f.host, login()), f.host+"/a/b:c")
			if fault.KindOf(err) != test.kind || err != nil &&
				(strings.Contains(err.Error(), "cret") || strings.Contains(err.Error(), "aaaa")) {
				t.Errorf("kind %d, want %d: %v", fault.KindOf(err), test.kind, err)
			}
		})
	}
}

// TestTokenServicesThatSendOn redirects the request for a token to another port and to another host: the password and
// the refresh token stay behind.
func TestTokenServicesThatSendOn(t *testing.T) {
	for _, entry := range []string{login(), identity()} {
		for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
			f, s, other := newFront(t), newTokens(t), newThief(t)
			for _, place := range []string{other.url, other.port} {
				s.hook = func(w http.ResponseWriter, r *http.Request) bool {
					http.Redirect(w, r, place+"/token", status)
					return true
				}
				f.fail(func(w http.ResponseWriter, r *http.Request) bool { return s.admit(w, r, 1) })
				if err := put(context.Background(), with(t, f.host, entry), f.host+"/a/b:c"); err == nil {
					t.Error("it was pushed without a token")
				}
			}
			if len(other.headers) > 0 || strings.Contains(other.content, "canary") {
				t.Errorf("%s on %d: the other place got %q and %q", entry, status, other.headers, other.content)
			}
		}
	}
}

// TestRefreshToken asks for tokens with a refresh token, as after a login with a browser.
func TestRefreshToken(t *testing.T) {
	f, s := newFront(t), newTokens(t)
	f.fail(func(w http.ResponseWriter, r *http.Request) bool { return s.admit(w, r, 1) })
	check(t, put(context.Background(), with(t, f.host, identity()), f.host+"/a/b:c"))
	if diff := cmp.Diff([]string{"canary"}, s.refreshs); diff != "" || s.logins[0] != "" ||
		s.scopes[0] != "repository:a/b:pull,push" {
		t.Errorf("login %q, scopes %q, refresh tokens (-want +got):\n%s", s.logins, s.scopes, diff)
	}
}

// TestCredentialsOfAnotherRepository has credentials for another repository of the registry: the token service hands
// out an anonymous token, and a registry that wants a password gets none.
func TestCredentialsOfAnotherRepository(t *testing.T) {
	f, s := newFront(t), newTokens(t)
	client := with(t, f.host+"/other", login())
	f.fail(func(w http.ResponseWriter, r *http.Request) bool { return s.admit(w, r, 1) })
	check(t, put(context.Background(), client, f.host+"/a/b:c"))
	if diff := cmp.Diff([]string{""}, s.logins); diff != "" {
		t.Errorf("the token service got:\n%s", diff)
	}
	r := payloadtest.NewRegistry(t)
	var got []string
	r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
		got = append(got, request.Header.Get("Authorization"))
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	if err := put(context.Background(), with(t, r.Host+"/other", login()),
		r.Host+"/a/b:c"); fault.KindOf(err) != fault.Unauthorized {
		t.Errorf("kind %d: %v", fault.KindOf(err), err)
	}
	if diff := cmp.Diff([]string{""}, got); diff != "" {
		t.Errorf("the registry got:\n%s", diff)
	}
}
