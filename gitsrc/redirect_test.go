package gitsrc_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

func TestRedirects(t *testing.T) {
	var leaked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		leaked.Add(1)
		_ = r
	}))
	defer elsewhere.Close()
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".netrc"), []byte("machine 127.0.0.1 login me password canary\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	s, _ := server.store(t, func(o *gitsrc.Options) { o.Getenv = server.environment(t, "HOME", home) })
	for _, status := range []int{301, 302, 307, 308} {
		server.behave(func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") == "" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				http.Redirect(w, r, elsewhere.URL+r.URL.Path+"?"+r.URL.RawQuery, status)
			})
		})
		err := refused(t, s, gitsrc.Request{Repository: component, Commit: commit}, "redirect")
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
	if leaked.Load() != 0 {
		t.Errorf("%d requests went to another host", leaked.Load())
	}
	// A repository that was renamed on its own host is followed.
	server.behave(func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if rest, ok := strings.CutPrefix(r.URL.Path, "/openshift/old/"); ok {
				http.Redirect(w, r, "/openshift/component/"+rest+"?"+r.URL.RawQuery, http.StatusMovedPermanently)
				return
			}
			git.ServeHTTP(w, r)
		})
	})
	checkClean(t, mustFetch(t, s, gitsrc.Request{Repository: "https://github.com/openshift/old", Commit: commit}))
}

func TestCredentials(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	server.behave(func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "me" || password != "right" {
				w.Header().Set("WWW-Authenticate", "Basic realm=x")
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			git.ServeHTTP(w, r)
		})
	})
	withNetrc := func(text string) string {
		home := t.TempDir()
		if err := os.WriteFile(filepath.Join(home, ".netrc"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return home
	}
	right, wrong := withNetrc("machine other login x password y\nmachine 127.0.0.1\n login me\n password right\n"),
		withNetrc("machine 127.0.0.1 login me password canary")
	forAll := withNetrc("default login me password right")
	helper := []string{"GIT_CONFIG_COUNT", "3", "GIT_CONFIG_KEY_1", "credential.helper",
		"GIT_CONFIG_VALUE_1", "!false #",
		"GIT_CONFIG_KEY_2", "credential." + server.URL + ".helper", "GIT_CONFIG_VALUE_2",
		`!f() { grep -q ^host=127 && echo username=me && echo password=right; }; f`}
	tests := []struct {
		description string
		env         []string
		refused     string // "" = it works
	}{
		{"none", nil, "without credentials"},
		{".netrc", []string{"HOME", right}, ""},
		{"wrong ones in .netrc", []string{"HOME", wrong}, "with the credentials of .netrc"},
		{"a login for all hosts in .netrc", []string{"HOME", forAll}, `is for no host: write "machine 127.0.0.1"`},
		{"a credential helper", helper, ""},
		{"a credential helper after wrong ones in .netrc", append([]string{"HOME", wrong}, helper...), ""},
		{"a token for another host", []string{"GITHUB_TOKEN", "right", "GIT_TOKEN", "right"}, "without credentials"},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			s, told := server.store(t, func(o *gitsrc.Options) { o.Getenv = server.environment(t, test.env...) })
			req := gitsrc.Request{Repository: component, Commit: commit}
			if test.refused == "" {
				checkClean(t, mustFetch(t, s, req))
				return
			}
			err := refused(t, s, req, test.refused)
			if fault.KindOf(err) != fault.Unauthorized || fault.AdviceOf(err) == "" {
				t.Errorf("class %d, advice %q", fault.KindOf(err), fault.AdviceOf(err))
			}
			if strings.Contains(err.Error()+told.String(), "canary") {
				t.Errorf("the password is told: %v", err)
			}
		})
	}
}
