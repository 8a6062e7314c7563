// Package clustertest is an API server for tests: it keeps objects, and does what controllers do to workloads.
package clustertest

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/yaml"
)

// Broken is part of the pull specs that pods cannot be started with.
const Broken = "broken@"

// Server keeps objects by their address, with versions, so that changes of an old one are refused. Workloads are
// rolled out at once, but for images that are Broken. It answers whoever has the token of its kubeconfig.
type Server struct {
	Kubeconfig string // file, whose namespace is "here"

	mu        sync.Mutex
	objects   map[string]map[string]any
	version   int
	conflicts int
	denied    map[string]bool
	handler   func(w http.ResponseWriter, request *http.Request, body []byte) bool
	before    func(w http.ResponseWriter, request *http.Request) bool
	silent    func(request *http.Request) bool
}

// New starts a server, which ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s, end, err := Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return s
}

// Start starts a server, whose kubeconfig goes to a directory, and returns what ends it.
func Start(directory string) (*Server, func(), error) {
	s := &Server{objects: map[string]map[string]any{}, Kubeconfig: filepath.Join(directory, "kubeconfig")}
	web := httptest.NewUnstartedServer(s)
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that go away are part of tests
	web.StartTLS()
	text := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: k, cluster: {insecure-skip-tls-verify: true, server: '" + web.URL + "'}}]\n" +
		"users: [{name: u, user: {token: canary}}]\ncontexts: [{name: c, context: {cluster: k, user: u, namespace: here}}]\n"
	if err := os.WriteFile(s.Kubeconfig, []byte(text), 0o600); err != nil {
		web.Close()
		return nil, nil, err
	}
	return s, web.Close, nil
}

// Put keeps an object, given as yaml or JSON.
func (s *Server) Put(t testing.TB, address, text string) {
	t.Helper()
	if err := s.Apply(address, text); err != nil {
		t.Fatal(err)
	}
}

// Apply is Put outside of a test.
func (s *Server) Apply(address, text string) error {
	var object map[string]any
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store(address, object)
	return nil
}

// Load keeps the workloads and ConfigMaps of a directory of manifests, as a cluster that was installed from them has
// them.
func (s *Server) Load(directory string) error {
	names, err := filepath.Glob(filepath.Join(directory, "*.yaml"))
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, document := range strings.Split("\n"+string(data), "\n---\n") {
			var object struct {
				APIVersion string
				Kind       string
				Metadata   struct{ Name, Namespace string }
			}
			if err := yaml.Unmarshal([]byte(document), &object); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			root := map[string]string{"v1 ConfigMap": "/api/v1", "apps/v1 Deployment": "/apis/apps/v1",
				"apps/v1 DaemonSet": "/apis/apps/v1"}[object.APIVersion+" "+object.Kind]
			if root == "" {
				continue
			}
			if err := s.Apply(root+"/namespaces/"+object.Metadata.Namespace+"/"+strings.ToLower(object.Kind)+"s/"+object.Metadata.Name, document); err != nil {
				return err
			}
		}
	}
	return nil
}

// Get returns an object, or a field of it, as JSON.
func (s *Server) Get(address string, fields ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	value := any(s.objects[address])
	for _, field := range fields {
		object, _ := value.(map[string]any)
		value = object[field]
	}
	text, _ := json.Marshal(value) // it was read from JSON
	return string(text)
}

// Delete forgets an object.
func (s *Server) Delete(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, address)
}

// Refuse makes the next writes fail as if somebody else had been faster.
func (s *Server) Refuse(writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conflicts = writes
}

// Deny says what the user may not do, each as "VERB RESOURCE".
func (s *Server) Deny(actions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = map[string]bool{}
	for _, action := range actions {
		s.denied[action] = true
	}
}

// Handle asks a function first, which answers the request itself and returns true, or returns false.
func (s *Server) Handle(handler func(w http.ResponseWriter, request *http.Request, body []byte) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handler = handler
}

// Before asks a function before everything else, which answers the request itself and returns true, or returns false.
func (s *Server) Before(handler func(w http.ResponseWriter, request *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = handler
}

// Silent is told of each request; one for which it returns true is answered with headers, and nothing after them. It is
// called by several goroutines, and set before there are any requests.
func (s *Server) Silent(is func(request *http.Request) bool) { s.silent = is }

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if s.silent != nil && s.silent(request) {
		w.(http.Flusher).Flush()
		<-request.Context().Done()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(request.Body)
	address := request.URL.Path
	switch {
	case request.Header.Get("Authorization") != "Bearer canary":
		refuse(w, http.StatusForbidden, "forbidden")
	case s.before != nil && s.before(w, request):
	case s.handler != nil && s.handler(w, request, body):
	case strings.HasSuffix(address, "/selfsubjectaccessreviews"):
		var review struct {
			Spec struct {
				ResourceAttributes struct{ Verb, Resource string }
			}
		}
		_ = json.Unmarshal(body, &review)
		action := review.Spec.ResourceAttributes.Verb + " " + review.Spec.ResourceAttributes.Resource
		answer(w, map[string]any{"status": map[string]any{"allowed": !s.denied[action]}})
	case strings.HasSuffix(address, "/selfsubjectreviews"):
		answer(w, map[string]any{"status": map[string]any{"userInfo": map[string]any{"username": "somebody"}}})
	case strings.HasSuffix(address, "/pods"):
		answer(w, map[string]any{"items": s.pods(strings.TrimPrefix(path.Dir(address), "/api/v1"))})
	case request.Method == http.MethodPost:
		s.create(w, address, body)
	default:
		s.serve(w, request.Method, address, body)
	}
}

// pods makes up a pod of each Deployment of a namespace that cannot pull its image, and one of an earlier template that
// ends again and again.
func (s *Server) pods(namespace string) []any {
	trouble := func(reason, message string) map[string]any {
		waiting := map[string]any{"waiting": map[string]any{"reason": reason, "message": message}}
		return map[string]any{"containerStatuses": []any{map[string]any{"state": waiting}}}
	}
	items := []any{map[string]any{"metadata": map[string]any{"name": "pod-0"}, "status": trouble("CrashLoopBackOff", "")}}
	for address, object := range s.objects {
		if !strings.HasPrefix(address, "/apis/apps/v1"+namespace+"/deployments/") {
			continue
		}
		spec, _ := object["spec"].(map[string]any)
		template, _ := spec["template"].(map[string]any)
		metadata, _ := template["metadata"].(map[string]any)
		items = append(items, map[string]any{
			"metadata": map[string]any{"name": "pod-1", "annotations": metadata["annotations"]},
			"spec":     template["spec"], "status": trouble("ImagePullBackOff", "unauthorized")})
	}
	return items
}

func refuse(w http.ResponseWriter, code int, text string) {
	w.WriteHeader(code)
	answer(w, map[string]any{"message": text})
}

func answer(w http.ResponseWriter, value any) { _ = json.NewEncoder(w).Encode(value) }

func (s *Server) create(w http.ResponseWriter, address string, body []byte) {
	var object map[string]any
	_ = json.Unmarshal(body, &object)
	metadata, _ := object["metadata"].(map[string]any)
	address = path.Join(address, fmt.Sprint(metadata["name"]))
	if _, exists := s.objects[address]; exists {
		refuse(w, http.StatusConflict, address+" already exists")
		return
	}
	s.store(address, object)
	w.WriteHeader(http.StatusCreated)
	answer(w, object)
}

// serve reads or changes an object.
func (s *Server) serve(w http.ResponseWriter, method, address string, body []byte) {
	object, exists := s.objects[address]
	if !exists {
		refuse(w, http.StatusNotFound, address+" not found")
		return
	}
	if method != http.MethodGet {
		var change map[string]any
		_ = json.Unmarshal(body, &change)
		before, _ := object["metadata"].(map[string]any)
		metadata, _ := change["metadata"].(map[string]any)
		version := metadata["resourceVersion"]
		if s.conflicts > 0 || version != nil && version != before["resourceVersion"] {
			s.conflicts--
			refuse(w, http.StatusConflict, "the object has been modified")
			return
		}
		if object = change; method == http.MethodPatch {
			object = merged(s.objects[address], change)
		}
		s.store(address, object)
	}
	answer(w, object)
}

// merged applies a JSON merge patch.
func merged(object, patch map[string]any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, object)
	for key, value := range patch {
		inner, isMap := value.(map[string]any)
		before, _ := out[key].(map[string]any)
		switch {
		case value == nil:
			delete(out, key)
		case isMap:
			out[key] = merged(before, inner)
		default:
			out[key] = value
		}
	}
	return out
}

// store keeps an object under a new version, and does what its controller would.
func (s *Server) store(address string, object map[string]any) {
	s.version++
	metadata, ok := object["metadata"].(map[string]any)
	if !ok {
		metadata = map[string]any{}
		object["metadata"] = metadata
	}
	metadata["resourceVersion"], metadata["generation"] = fmt.Sprint(s.version), s.version
	if strings.HasPrefix(address, "/apis/apps/") {
		available := 1
		if text, _ := json.Marshal(object["spec"]); strings.Contains(string(text), Broken) {
			available = 0
		}
		object["status"] = map[string]any{"observedGeneration": s.version, "replicas": 1, "updatedReplicas": 1,
			"availableReplicas":      available,
			"desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": available}
	}
	s.objects[address] = object
}
