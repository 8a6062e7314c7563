package gitsrc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
)

func TestCacheOfSomebodyElse(t *testing.T) {
	base := t.TempDir()
	elsewhere := filepath.Join(base, "elsewhere")
	if err := os.Mkdir(elsewhere, 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(base, "link")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	if _, err := gitsrc.Open(link, gitsrc.Options{}); err == nil {
		t.Error("a cache that is a symbolic link is used")
	}
	open := filepath.Join(base, "open")
	if err := os.Mkdir(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := gitsrc.Open(open, gitsrc.Options{}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(open); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the cache has mode %v, %v", info.Mode(), err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can make a directory that belongs to somebody else")
	}
	if err := os.Chown(open, 12345, 12345); err != nil {
		t.Skipf("only real root can make a directory that belongs to somebody else: %v", err)
	}
	if _, err := gitsrc.Open(open, gitsrc.Options{}); err == nil {
		t.Error("a cache that belongs to somebody else is used")
	}
}

func TestSeveralAtOnce(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	dir := filepath.Join(t.TempDir(), "cache")
	var posts atomic.Int64
	server.behave(func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				posts.Add(1)
			}
			git.ServeHTTP(w, r)
		})
	})
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() {
			s, err := gitsrc.Open(dir, gitsrc.Options{Getenv: server.environment(t)})
			if err != nil {
				t.Error(err)
				return
			}
			tree, err := s.Fetch(context.Background(), gitsrc.Request{Repository: component, Commit: commit},
				filepath.Join(t.TempDir(), "x"))
			if err != nil {
				t.Error(err)
				return
			}
			checkClean(t, tree)
		})
	}
	group.Wait()
	if posts.Load() != 1 {
		t.Errorf("%d fetches, want 1", posts.Load())
	}
}

// TestKilled runs itself as a child that is killed in the middle of a fetch.
func TestKilled(t *testing.T) {
	if cache := os.Getenv("GITSRC_TEST_KILLED"); cache != "" {
		s, err := gitsrc.Open(cache, gitsrc.Options{})
		if err == nil {
			_, err = s.Fetch(context.Background(), gitsrc.Request{Repository: component,
				Commit: os.Getenv("GITSRC_TEST_COMMIT")}, cache+"-checkout")
		}
		t.Fatalf("the fetch ended: %v", err)
	}
	server := serve(t, "any")
	files := someFiles()
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", files)
	cache := filepath.Join(t.TempDir(), "cache")
	half := make(chan struct{})
	var once sync.Once
	server.behave(func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			recorder := httptest.NewRecorder()
			git.ServeHTTP(recorder, r)
			body := recorder.Body.Bytes()
			w.Write(body[:len(body)*2/3])
			w.(http.Flusher).Flush()
			once.Do(func() { close(half) })
			<-r.Context().Done()
		})
	})
	child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	env := server.environment(t)
	child.Env = append(os.Environ(), "GITSRC_TEST_KILLED="+cache, "GITSRC_TEST_COMMIT="+commit)
	for _, name := range []string{"HOME", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0",
		"GIT_CONFIG_VALUE_0"} {
		child.Env = append(child.Env, name+"="+env(name))
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	<-half
	time.Sleep(100 * time.Millisecond)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	left, _ := filepath.Glob(filepath.Join(cache, "*", "objects", "pack", "tmp-*"))
	if len(left) == 0 {
		t.Fatal("the child was not killed in the middle of the pack")
	}
	server.wrap.Store(nil)
	s, err := gitsrc.Open(cache, gitsrc.Options{Getenv: env})
	if err != nil {
		t.Fatal(err)
	}
	checkClean(t, mustFetch(t, s, gitsrc.Request{Repository: component, Commit: commit}))
	if left, _ := filepath.Glob(filepath.Join(cache, "*", "objects", "pack", "tmp-*")); len(left) != 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

func TestReadOnlyHome(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "file", "cache")) // not even root can make this
	told := &events{}
	s, err := gitsrc.Open("", gitsrc.Options{Progress: told.add})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(told.String(), "for this run only") {
		t.Errorf("nothing is said: %s", told)
	}
	dir := s.Directory()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the temporary cache is left behind")
	}
}
