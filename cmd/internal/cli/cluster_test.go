package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	imagev1 "github.com/openshift/api/image/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// apiServer keeps objects by their path, as a cluster does, for whoever has the token.
type apiServer struct {
	mu      sync.Mutex
	objects map[string]string
	imports []string       // images that were imported, as TAG FROM
	failing map[string]int // how often the import of a tag fails
}

// serveCluster starts an API server and makes it the one of $KUBECONFIG.
func serveCluster(t *testing.T, objects map[string]string) *apiServer {
	t.Helper()
	s := &apiServer{objects: objects}
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	text := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: k, cluster: {insecure-skip-tls-verify: true, server: '" + server.URL + "'}}]\n" +
		"users: [{name: u, user: {token: canary}}]\ncontexts: [{name: c, context: {cluster: k, user: u, namespace: here}}]\n"
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", kubeconfig)
	return s
}

func (s *apiServer) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(code int, message string) {
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
	}
	if request.Header.Get("Authorization") != "Bearer canary" {
		refuse(http.StatusForbidden, "forbidden")
		return
	}
	body, _ := io.ReadAll(request.Body)
	if strings.HasSuffix(request.URL.Path, "/selfsubjectaccessreviews") {
		_, _ = io.WriteString(w, s.objects["review"])
		return
	}
	if strings.HasSuffix(request.URL.Path, "/imagestreamimports") {
		s.importImages(w, body)
		return
	}
	at := request.URL.Path
	if request.Method == http.MethodPost {
		var object struct{ Metadata struct{ Name string } }
		_ = json.Unmarshal(body, &object)
		at = path.Join(at, object.Metadata.Name)
	}
	_, exists := s.objects[at]
	switch {
	case request.Method == http.MethodPost && exists:
		refuse(http.StatusConflict, at+" already exists")
	case request.Method != http.MethodPost && !exists:
		refuse(http.StatusNotFound, at+" not found")
	case request.Method != http.MethodGet:
		s.objects[at] = string(body)
		w.WriteHeader(http.StatusCreated)
	default:
		_, _ = io.WriteString(w, s.objects[at])
	}
}

// importImages answers as a cluster does that imported the images, but for those that fail.
func (s *apiServer) importImages(w http.ResponseWriter, body []byte) {
	var object imagev1.ImageStreamImport
	_ = json.Unmarshal(body, &object)
	for _, image := range object.Spec.Images {
		status := metav1.Status{Status: metav1.StatusSuccess}
		if s.failing[image.To.Name] > 0 {
			s.failing[image.To.Name]--
			status = metav1.Status{Status: metav1.StatusFailure, Message: "the registry is not there"}
		} else {
			s.imports = append(s.imports, image.To.Name+" "+image.From.Name)
		}
		object.Status.Images = append(object.Status.Images, imagev1.ImageImportStatus{Status: status})
	}
	_ = json.NewEncoder(w).Encode(object)
}

// TestMirrorToImageStream makes a cluster import a payload, and what fails at first again.
func TestMirrorToImageStream(t *testing.T) {
	_, release, _ := seed(t)
	server := serveCluster(t, map[string]string{})
	server.failing = map[string]int{"coredns": 3}
	out, _ := run(t, 0, "mirror", "--insecure", release.PullSpec, "--to-image-stream", "mine", "-n", "there", "--dry-run")
	if !strings.Contains(out, " there/mine:coredns\n") || !strings.Contains(out, release.PullSpec+" there/mine:release\n") || len(server.imports) > 0 {
		t.Errorf("a dry run prints %s and imports %q", out, server.imports)
	}
	out, _ = run(t, 0, "mirror", "--insecure", release.PullSpec, "--to-image-stream", "mine")
	if n := strings.Count(strings.Join(server.imports, "\n"), "\n") + 1; out != fmt.Sprintf("Mirrored %d images to here/mine\n", n) || n != 5 {
		t.Errorf("mirror printed %q and imported %q", out, server.imports)
	}
	server.failing = map[string]int{"coredns": 100}
	if _, errors := run(t, 6, "mirror", "--insecure", release.PullSpec, "--to-image-stream", "mine"); !strings.Contains(errors, "could not import 1 images into here/mine: coredns from ") {
		t.Errorf("an import that fails: %s", errors)
	}
	run(t, 2, "mirror", release.PullSpec, "--to-image-stream", "mine", "--to-dir", t.TempDir())
	run(t, 2, "mirror", "--from-dir", t.TempDir(), "--to-image-stream", "mine")
}

// TestImageStreamOfACluster makes a payload of an image stream that a cluster has.
func TestImageStreamOfACluster(t *testing.T) {
	r, release, _ := seed(t)
	stream, _ := run(t, 0, "extract", "--insecure", release.PullSpec, "--file", "image-references")
	serveCluster(t, map[string]string{
		"/apis/image.openshift.io/v1/namespaces/here/imagestreams/4.12":  stream,
		"/apis/image.openshift.io/v1/namespaces/there/imagestreams/4.12": stream,
	})
	for _, namespace := range [][]string{nil, {"-n", "there"}} {
		out, _ := run(t, 0, append([]string{"new", "--insecure", "--from-image-stream", "4.12", "--name", "4.12.0-mine.1",
			"--to-image", r.Host + "/me/release:stream"}, namespace...)...)
		if !strings.HasPrefix(out, r.Host+"/me/release@sha256:") {
			t.Errorf("new printed %q", out)
		}
	}
	if _, errors := run(t, 3, "new", "--from-image-stream", "4.99", "--dry-run"); !strings.Contains(errors, "imagestreams/4.99 not found") {
		t.Errorf("a stream that is not there: %s", errors)
	}
	for _, name := range []string{"../x", "a/b", "a?b"} {
		run(t, 2, "new", "--from-image-stream", name, "--dry-run")
	}
	run(t, 2, "new", "--from-image-stream", "a", "--from-release", release.PullSpec, "--dry-run")
}

// TestReleaseOfTheCluster is what commands start from that are told of none.
func TestReleaseOfTheCluster(t *testing.T) {
	r, release, _ := seed(t)
	const version = "/apis/config.openshift.io/v1/clusterversions/version"
	server := serveCluster(t, map[string]string{version: `{"status":{"desired":{"image":"` + release.PullSpec + `"}}}`})
	source := t.TempDir()
	if err := os.WriteFile(filepath.Join(source, "Dockerfile"), []byte("FROM scratch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"plan", "--insecure", "coredns=" + source, "--dockerfile", "Dockerfile", "--release-repo", source, "-q",
		"--cache-dir", t.TempDir()}
	out, errors := run(t, 0, append(arguments, "-o", "json")...)
	var planned struct{ Release struct{ Image string } }
	if err := json.Unmarshal([]byte(out), &planned); err != nil || planned.Release.Image != release.PullSpec {
		t.Errorf("the plan starts from %q, %v", planned.Release.Image, err)
	}
	if !strings.HasPrefix(errors, "Starting from the cluster's release, "+release.PullSpec+"\n") {
		t.Errorf("the first line is not about the cluster: %s", errors)
	}
	out, _ = run(t, 0, "mirror", "--insecure", "--to", r.Host+"/copy/of", "--dry-run")
	if !strings.Contains(out, release.PullSpec+" "+r.Host+"/copy/of:") {
		t.Errorf("the mirror is of %s", out)
	}
	delete(server.objects, version)
	if _, errors := run(t, 3, arguments...); !strings.Contains(errors, "Name a release, such as --from-release") {
		t.Errorf("a cluster without a release: %s", errors)
	}
	t.Setenv("KUBECONFIG", filepath.Join(source, "none"))
	t.Setenv("HOME", source)
	if _, errors := run(t, 2, arguments...); !strings.Contains(errors, "there is no kubeconfig") {
		t.Errorf("no cluster: %s", errors)
	}
}

// TestUpgradeIsCheckedFirst refuses a cluster that cannot be upgraded before the payload is even read.
func TestUpgradeIsCheckedFirst(t *testing.T) {
	r, release, _ := seed(t)
	const version = "/apis/config.openshift.io/v1/clusterversions/version"
	server := serveCluster(t, map[string]string{"review": `{"status":{"allowed":false}}`,
		version: `{"status":{"desired":{"image":"` + release.PullSpec + `"}}}`})
	arguments := []string{"coredns", "--from-release", release.PullSpec, "--to-image", r.Host + "/me/release:x", "--upgrade", "--insecure"}
	r.Reset()
	if _, errors := run(t, 4, arguments...); !strings.Contains(errors, "this user may not change its version") {
		t.Errorf("without the right: %s", errors)
	}
	server.objects["review"] = `{"status":{"allowed":true}}`
	server.objects[version] = `{"status":{"conditions":[{"type":"Progressing","status":"True","message":"Working towards 4.12.1"}]}}`
	if _, errors := run(t, 3, arguments...); !strings.Contains(errors, "on its way to another release: Working towards 4.12.1") {
		t.Errorf("an upgrade that is under way: %s", errors)
	}
	run(t, 2, append(arguments, "--watch")...)
	if requests, _ := r.Reset(); len(requests) > 0 {
		t.Errorf("the registry was asked %q", requests)
	}
}

// TestCommandThatIsNone is most likely a command with a letter wrong.
func TestCommandThatIsNone(t *testing.T) {
	t.Setenv("KUBECONFIG", "/none")
	for typed, meant := range map[string]string{"inof": "info", "plna": "plan", "extrat": "extract", "aply": "apply"} {
		if _, errors := run(t, 2, typed); !strings.Contains(errors, "Did you mean the command "+meant+"?") {
			t.Errorf("%s: %s", typed, errors)
		}
	}
}
