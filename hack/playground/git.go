package playground

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// GitServer serves bare repositories ORG/REPO.git over smart HTTP, with and without ".git" in the URL, as github.com
// does.
type GitServer struct {
	URL string // ends in a slash

	server   *httptest.Server
	requests atomic.Int64
}

// GitOptions imitate servers that are stricter than github.com.
type GitOptions struct {
	// Want says which commits a client may ask for by name: "any" (the default, as github.com), "reachable", "tip" or
	// "none" (only what a ref points at, and only by that ref's advertisement).
	Want string
	// Version1 hides protocol version 2, so that clients fall back to the original one.
	Version1 bool
}

// NewGitServer starts a server on a free port of the loopback interface for the repositories below root.
func NewGitServer(root string, options GitOptions) (*GitServer, error) {
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("asking git for its programs (is git installed?): %w", err)
	}
	backend := &cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env:    gitServerEnv(root, options),
		Logger: log.New(io.Discard, "", 0),
		Stderr: io.Discard,
	}
	g := &GitServer{}
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		g.requests.Add(1)
		req.URL.Path = withSuffix(req.URL.Path)
		if options.Version1 {
			req.Header.Del("Git-Protocol") // git reads it from the environment that CGI makes of the request
		}
		handler := *backend
		if protocol := req.Header.Get("Git-Protocol"); protocol != "" {
			handler.Env = append(handler.Env[:len(handler.Env):len(handler.Env)], "GIT_PROTOCOL="+protocol)
		}
		handler.ServeHTTP(w, req)
	}))
	g.URL = g.server.URL + "/"
	return g, nil
}

// Close stops the server.
func (g *GitServer) Close() {
	g.server.CloseClientConnections()
	g.server.Close()
}

// Requests returns how many requests came since the last call.
func (g *GitServer) Requests() int { return int(g.requests.Swap(0)) }

func gitServerEnv(root string, options GitOptions) []string {
	settings := [][2]string{
		{"safe.directory", "*"},
		{"http.receivepack", "false"},
		{"uploadpack.allowFilter", "true"},
	}
	switch options.Want {
	case "", "any":
		settings = append(settings, [2]string{"uploadpack.allowAnySHA1InWant", "true"})
	case "reachable":
		settings = append(settings, [2]string{"uploadpack.allowReachableSHA1InWant", "true"})
	case "tip":
		settings = append(settings, [2]string{"uploadpack.allowTipSHA1InWant", "true"})
	}
	env := []string{
		"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(settings)),
	}
	for i, s := range settings {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s[1]))
	}
	return env
}

// withSuffix turns /ORG/REPO/… into /ORG/REPO.git/….
func withSuffix(path string) string {
	parts := strings.SplitN(strings.TrimPrefix(path, "/"), "/", 3)
	if len(parts) >= 2 && !strings.HasSuffix(parts[1], ".git") {
		parts[1] += ".git"
	}
	return "/" + strings.Join(parts, "/")
}
