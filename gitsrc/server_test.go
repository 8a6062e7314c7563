package gitsrc_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
)

// server is a real git server: git http-backend behind net/http. The tests need the git program for it.
type server struct {
	*httptest.Server
	root     string
	requests atomic.Int64
	wrap     atomic.Pointer[func(http.Handler) http.Handler] // puts faults in front of git
}

// serve starts a server. want is which SHA-1 clients may ask for: none or any. Clients speak protocol version 0,
// where the answer matters.
func serve(t *testing.T, want string) *server {
	t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Skip("git is not installed: there is nothing to serve with")
	}
	s := &server{root: t.TempDir()}
	env := []string{"GIT_PROJECT_ROOT=" + s.root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_CONFIG_COUNT=3",
		"GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*", "GIT_CONFIG_KEY_1=uploadpack.allowFilter",
		"GIT_CONFIG_VALUE_1=true",
		"GIT_CONFIG_KEY_2=uploadpack.allowAnySHA1InWant", "GIT_CONFIG_VALUE_2=" + fmt.Sprint(want == "any")}
	var quiet sync.Mutex
	var stderr strings.Builder
	backend := &cgi.Handler{Path: strings.TrimSpace(string(out)) + "/git-http-backend", Env: env,
		Stderr: lockedWriter{&quiet, &stderr}, Logger: log.New(io.Discard, "", 0)}
	git := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
		if len(parts) == 3 && !strings.HasSuffix(parts[1], ".git") {
			parts[1] += ".git"
			r.URL.Path = "/" + strings.Join(parts, "/")
		}
		backend.ServeHTTP(w, r)
	})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if wrap := s.wrap.Load(); wrap != nil {
			(*wrap)(git).ServeHTTP(w, r)
			return
		}
		git.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

type lockedWriter struct {
	mu *sync.Mutex
	to *strings.Builder
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(p)
}

// behave puts a handler in front of git.
func (s *server) behave(wrap func(http.Handler) http.Handler) { s.wrap.Store(&wrap) }

// environment is that of a user whose git configuration sends github.com to the server.
func (s *server) environment(t *testing.T, more ...string) func(string) string {
	t.Helper()
	env := map[string]string{"HOME": t.TempDir(), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "1",
		"GIT_CONFIG_KEY_0": "url." + s.URL + "/.insteadOf", "GIT_CONFIG_VALUE_0": "https://github.com/"}
	for i := 0; i+1 < len(more); i += 2 {
		env[more[i]] = more[i+1]
	}
	return func(name string) string { return env[name] }
}

// events collects what a store tells.
type events struct {
	mu   sync.Mutex
	list []string
}

func (e *events) add(event gitsrc.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event.Message)
}

func (e *events) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.list, "\n")
}

// store opens a cache that fetches from the server.
func (s *server) store(t *testing.T, change ...func(*gitsrc.Options)) (*gitsrc.Store, *events) {
	t.Helper()
	told := &events{}
	o := gitsrc.Options{Progress: told.add, Getenv: s.environment(t)}
	for _, f := range change {
		f(&o)
	}
	st, err := gitsrc.Open(filepath.Join(t.TempDir(), "cache"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st, told
}

// repo is a repository on the server, or anywhere.
type repo struct {
	t   *testing.T
	dir string
}

func (s *server) repo(t *testing.T, name string) repo {
	t.Helper()
	r := repo{t, filepath.Join(s.root, name+".git")}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.git("init", "-q", "--bare", "-b", "main")
	return r
}

// git runs git in the repository and returns what it prints, without the newline at the end.
func (r repo) git(args ...string) string {
	r.t.Helper()
	return r.gitInput("", args...)
}

func (r repo) gitInput(input string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	cmd.Stdin = strings.NewReader(input)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@x", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@x",
		"GIT_AUTHOR_DATE=1600000000 +0000", "GIT_COMMITTER_DATE=1600000000 +0000"}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSuffix(string(out), "\n")
}

// commitFiles adds a commit to a branch of a bare repository, with exactly these files, and returns its id. A name
// that ends with * is executable, one that ends with @ is a symbolic link, one that ends with # is a submodule at the
// commit that is the content.
func (r repo) commitFiles(branch, message string, files map[string]string) string {
	r.t.Helper()
	var stream strings.Builder
	data := func(text string) { fmt.Fprintf(&stream, "data %d\n%s\n", len(text), text) }
	fmt.Fprintf(&stream, "commit refs/heads/%s\nmark :1\ncommitter A <a@x> %d +0000\n", branch,
		1600000000+r.count(branch))
	data(message)
	if r.count(branch) > 0 {
		fmt.Fprintf(&stream, "from refs/heads/%s^0\n", branch)
	}
	stream.WriteString("deleteall\n")
	for name, text := range files {
		switch name[len(name)-1] {
		case '#':
			fmt.Fprintf(&stream, "M 160000 %s %s\n", text, name[:len(name)-1])
			continue
		case '*':
			fmt.Fprintf(&stream, "M 100755 inline %s\n", name[:len(name)-1])
		case '@':
			fmt.Fprintf(&stream, "M 120000 inline %s\n", name[:len(name)-1])
		default:
			fmt.Fprintf(&stream, "M 100644 inline %s\n", name)
		}
		data(text)
	}
	r.gitInput(stream.String(), "fast-import", "--quiet", "--force")
	return r.git("rev-parse", "refs/heads/"+branch)
}

// commitLine adds so many commits to a new branch at once, each with another README, and returns their ids, the first
// one first.
func (r repo) commitLine(branch string, commits int) []string {
	r.t.Helper()
	var stream strings.Builder
	for i := range commits {
		text := fmt.Sprintf("number %d\n", i)
		fmt.Fprintf(&stream, "commit refs/heads/%s\ncommitter A <a@x> %d +0000\ndata 0\n", branch, 1600000000+i)
		fmt.Fprintf(&stream, "M 100644 inline README\ndata %d\n%s\n", len(text), text)
	}
	r.gitInput(stream.String(), "fast-import", "--quiet")
	return strings.Fields(r.git("rev-list", "--reverse", "refs/heads/"+branch))
}

func (r repo) count(branch string) int {
	r.t.Helper()
	cmd := exec.Command("git", "rev-list", "--count", "refs/heads/"+branch)
	cmd.Dir = r.dir
	out, err := cmd.Output()
	if err != nil {
		return 0
	}
	n := 0
	fmt.Sscan(string(out), &n)
	return n
}

// behaveDown answers nothing but errors.
func (s *server) behaveDown() {
	s.behave(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	})
}
