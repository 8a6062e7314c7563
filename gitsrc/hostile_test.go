package gitsrc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
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
	if took := time.Since(begin); took > 20*time.Second {
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
	if err := os.WriteFile(filepath.Join(home, ".netrc"), []byte("machine 127.0.0.1 login me password canary\n"), 0o600); err != nil {
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
	right, wrong := withNetrc("machine other login x password y\nmachine 127.0.0.1\n login me\n password right\n"), withNetrc("default login me password canary")
	helper := []string{"GIT_CONFIG_COUNT", "3", "GIT_CONFIG_KEY_1", "credential.helper", "GIT_CONFIG_VALUE_1", "!false #",
		"GIT_CONFIG_KEY_2", "credential." + server.URL + ".helper", "GIT_CONFIG_VALUE_2", `!f() { grep -q ^host=127 && echo username=me && echo password=right; }; f`}
	tests := []struct {
		description string
		env         []string
		works       bool
	}{
		{"none", nil, false},
		{".netrc", []string{"HOME", right}, true},
		{"wrong ones in .netrc", []string{"HOME", wrong}, false},
		{"a credential helper", helper, true},
		{"a credential helper after wrong ones in .netrc", append([]string{"HOME", wrong}, helper...), true},
		{"a token for another host", []string{"GITHUB_TOKEN", "right", "GIT_TOKEN", "right"}, false},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			s, told := server.store(t, func(o *gitsrc.Options) { o.Getenv = server.environment(t, test.env...) })
			req := gitsrc.Request{Repository: component, Commit: commit}
			if test.works {
				checkClean(t, mustFetch(t, s, req))
				return
			}
			err := refused(t, s, req, "refuses access")
			if fault.KindOf(err) != fault.Unauthorized || fault.AdviceOf(err) == "" {
				t.Errorf("class %d, advice %q", fault.KindOf(err), fault.AdviceOf(err))
			}
			if strings.Contains(err.Error()+told.String(), "canary") {
				t.Errorf("the password is told: %v", err)
			}
		})
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
		{"errors without end", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			flood("no\x1b[2J")(w, r)
		}},
		{"no answer", hang},
		{"a byte now and then", slowly},
		{"not git", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>\x1b[2J") }},
		{"not git at all", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte{0xff, 0xfe, 0}) }},
		{"redirects without end", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) }},
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

// rawTree stores a tree that git itself would not make, and a commit with it.
func (r repo) rawTree(entries ...string) string {
	r.t.Helper()
	blob := r.gitInput("evil", "hash-object", "-w", "--stdin")
	var tree bytes.Buffer
	for _, e := range entries {
		id := blob
		if strings.HasPrefix(e, "40000 ") {
			id = r.gitInput("100644 blob "+blob+"\tconfig\n", "mktree")
		}
		var raw []byte
		fmt.Sscanf(id, "%x", &raw)
		fmt.Fprintf(&tree, "%s\x00%s", e, raw)
	}
	id := r.gitInput(tree.String(), "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
	commit := r.gitInput("x", "commit-tree", id)
	r.git("update-ref", "refs/heads/evil", commit)
	return commit
}

func TestHostileTrees(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	upstream.commitFiles("main", "one", someFiles())
	s, _ := server.store(t)
	for _, entries := range [][]string{
		{"40000 .git"}, {"100644 .git"}, {"40000 .GIT"}, {"40000 .gIt"}, {"40000 git~1"}, {"40000 .git "}, {"40000 .git."}, {"40000 .git::$INDEX_ALLOCATION"},
		{"40000 .g\u200cit"}, {"100644 ..\\evil"}, {"100644 .."}, {"40000 .."}, {"100644 ."}, {"100644 a/b"}, {"100644 ../evil"}, {"100644 /etc/evil"}, {"100644 "},
		{"120000 .gitmodules"}, {"120000 a", "40000 a"}, {"100644 a", "100644 a"}, {"140000 socket"}, {"100644 " + strings.Repeat("n", 256)}, {"777777777 x"},
	} {
		commit := upstream.rawTree(entries...)
		t.Run(fmt.Sprintf("%q", entries), func(t *testing.T) {
			refused(t, s, gitsrc.Request{Repository: component, Commit: commit}, "")
		})
	}
}

func TestTreeLimits(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	many := map[string]string{}
	for i := range 200 {
		many[fmt.Sprint("file", i)] = "x"
	}
	tests := []struct {
		description string
		commit      string
		text        string
	}{
		{"files", upstream.commitFiles("a", "many", many), "more than 100 files"},
		{"depth", upstream.commitFiles("b", "deep", map[string]string{strings.Repeat("d/", 20) + "f": "x"}), ""},
		{"bytes", upstream.commitFiles("c", "large", map[string]string{"f": strings.Repeat("x", 2000)}), "too large"},
	}
	for _, test := range tests {
		s, _ := server.store(t, func(o *gitsrc.Options) {
			limits := gitsrc.DefaultLimits()
			limits.Tree.Files, limits.Tree.Depth, limits.Tree.Bytes = 100, 10, 1000
			o.Limits = &limits
		})
		t.Run(test.description, func(t *testing.T) {
			refused(t, s, gitsrc.Request{Repository: component, Commit: test.commit}, test.text)
		})
	}
}

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

func TestDamagedCacheIsFetchedAgain(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	s, told := server.store(t)
	req := gitsrc.Request{Repository: component, Commit: commit}
	mustFetch(t, s, req)
	damage := map[string]func(pack string) error{
		"a flipped bit": func(pack string) error {
			data, err := os.ReadFile(pack + ".pack")
			data[len(data)/2] ^= 1
			return errors.Join(err, os.Remove(pack+".pack"), os.WriteFile(pack+".pack", data, 0o600))
		},
		"a pack that is cut":   func(pack string) error { return os.Truncate(pack+".pack", 100) },
		"an index that is cut": func(pack string) error { return os.Truncate(pack+".idx", 500) },
		"no index":             func(pack string) error { return os.Remove(pack + ".idx") },
		"no pack":              func(pack string) error { return os.Remove(pack + ".pack") },
	}
	for description, f := range damage {
		t.Run(description, func(t *testing.T) {
			packs, err := filepath.Glob(filepath.Join(s.Directory(), "*", "objects", "pack", "*.pack"))
			if err != nil || len(packs) != 1 {
				t.Fatalf("packs %v, %v", packs, err)
			}
			if err := os.Chmod(packs[0], 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(strings.TrimSuffix(packs[0], ".pack")+".idx", 0o600); err != nil {
				t.Fatal(err)
			}
			if err := f(strings.TrimSuffix(packs[0], ".pack")); err != nil {
				t.Fatal(err)
			}
			checkClean(t, mustFetch(t, s, req))
		})
	}
	if !strings.Contains(told.String(), "damaged") {
		t.Errorf("nothing is said about the damage:\n%s", told)
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
			tree, err := s.Fetch(context.Background(), gitsrc.Request{Repository: component, Commit: commit}, filepath.Join(t.TempDir(), "x"))
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
			_, err = s.Fetch(context.Background(), gitsrc.Request{Repository: component, Commit: os.Getenv("GITSRC_TEST_COMMIT")}, cache+"-checkout")
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
	for _, name := range []string{"HOME", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"} {
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
