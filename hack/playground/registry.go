package playground

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Registry is a container registry on loopback that behaves like a strict public one: blobs belong to a repository
// and are mounted from another only on request, and a manifest is refused while a blob that it names is missing. It
// counts requests and can be told to fail or to ask for credentials.
type Registry struct {
	Host string // host:port, plain http

	server    *httptest.Server
	blobs     *blobs
	manifests http.Handler

	mu     sync.Mutex
	rules  []Rule
	fail   func(w http.ResponseWriter, req *http.Request) bool
	guards []Guard
	tokens map[string]string // bearer token to user
	counts map[string]int
	bytes  atomic.Int64 // answered; writers may hold mu
}

// Rule makes the registry misbehave for the requests that it matches.
type Rule struct {
	Method string        // "" matches every method
	Path   string        // a part of the URL path, such as "/manifests/"
	Delay  time.Duration // waited before anything else
	Status int           // answered instead of serving the request; 0 serves it after Delay
	Times  int           // the rule ends after this many requests; 0 keeps it
}

// NewRegistry starts a registry on a free port of the loopback interface. It reads blobs from the directories in
// seeds, and writes new ones below dir alone.
func NewRegistry(dir string, seeds ...string) (*Registry, error) {
	store, err := newBlobs(dir, seeds...)
	if err != nil {
		return nil, fmt.Errorf("making the blob directory of the registry: %w", err)
	}
	r := &Registry{
		blobs:     store,
		manifests: registry.New(registry.Logger(log.New(io.Discard, "", 0))),
		tokens:    map[string]string{},
		counts:    map[string]int{},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for the registry: %w", err)
	}
	r.server = httptest.NewUnstartedServer(r)
	r.server.Listener.Close()
	r.server.Listener = listener
	r.server.Start()
	r.Host = listener.Addr().String()
	return r, nil
}

// Close stops the registry. Requests under way are cut off.
func (r *Registry) Close() {
	r.server.CloseClientConnections()
	r.server.Close()
}

// Add makes the registry misbehave as rule says.
func (r *Registry) Add(rule Rule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules = append(r.rules, rule)
}

// Reset removes all rules and guards, and what Fail was given.
func (r *Registry) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules, r.guards, r.fail = nil, nil, nil
}

// Fail gives requests to a function first, which answers those that are to fail, and reports whether it did.
func (r *Registry) Fail(fail func(w http.ResponseWriter, req *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = fail
}

// Requests returns how many requests of each method, such as "GET" and "MOUNT" for a blob that was mounted, came
// since the last call.
func (r *Registry) Requests() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := r.counts
	r.counts = map[string]int{}
	return counts
}

// Answered returns how many bytes of content were answered since the last call.
func (r *Registry) Answered() int64 {
	return r.bytes.Swap(0)
}

// answer counts the bytes that are written into it.
type answer struct {
	http.ResponseWriter
	registry *Registry
}

// Write implements http.ResponseWriter.
func (a answer) Write(p []byte) (int, error) {
	n, err := a.ResponseWriter.Write(p)
	a.registry.bytes.Add(int64(n))
	return n, err
}

// ServeHTTP serves the registry API, after rules and guards.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.count(req.Method)
	r.mu.Lock()
	fail := r.fail
	r.mu.Unlock()
	if fail != nil && fail(w, req) {
		return
	}
	r.Answer(w, req)
}

// Answer is ServeHTTP without the function that Fail was given.
func (r *Registry) Answer(w http.ResponseWriter, req *http.Request) {
	w = answer{w, r}
	if rule, ok := r.rule(req); ok {
		time.Sleep(rule.Delay)
		if rule.Status != 0 {
			refuse(w, rule.Status, "DENIED", "the playground was told to refuse this")
			return
		}
	}
	if !r.admit(w, req) {
		return
	}
	r.serve(w, req)
}

func (r *Registry) serve(w http.ResponseWriter, req *http.Request) {
	repository, kind, target := split(req.URL.Path)
	switch {
	case kind == "blobs":
		if mounted := r.blobs.serve(w, req, repository, target); mounted {
			r.count("MOUNT")
		}
	case kind == "manifests" && req.Method == http.MethodPut:
		r.putManifest(w, req, repository)
	default:
		r.manifests.ServeHTTP(w, req)
	}
}

func (r *Registry) count(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[name]++
}

func (r *Registry) rule(req *http.Request) (Rule, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, rule := range r.rules {
		if rule.Method != "" && rule.Method != req.Method || !strings.Contains(req.URL.Path, rule.Path) {
			continue
		}
		if rule.Times == 1 {
			r.rules = append(r.rules[:i:i], r.rules[i+1:]...)
		} else if rule.Times > 1 {
			r.rules[i].Times--
		}
		return rule, true
	}
	return Rule{}, false
}

// split takes /v2/REPOSITORY/KIND/TARGET apart. An upload has the kind "blobs" and a target that begins with "uploads".
func split(path string) (repository, kind, target string) {
	path = strings.TrimPrefix(path, "/v2/")
	for _, kind := range []string{"blobs", "manifests"} {
		if repository, target, found := strings.Cut(path, "/"+kind+"/"); found {
			return repository, kind, target
		}
	}
	return "", "", ""
}

// refuse answers with an error in the form that the registry API gives errors.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
}
