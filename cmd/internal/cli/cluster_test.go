package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	imagev1 "github.com/openshift/api/image/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster/clustertest"
)

// serveCluster starts an API server and makes it the one of $KUBECONFIG.
func serveCluster(t *testing.T, objects map[string]string) *clustertest.Server {
	t.Helper()
	s := clustertest.New(t)
	for address, text := range objects {
		s.Put(t, address, text)
	}
	t.Setenv("KUBECONFIG", s.Kubeconfig)
	return s
}

// imports answers for images that a cluster imports, some of which fail.
type imports struct {
	done    []string       // as TAG FROM
	failing map[string]int // how often the import of a tag fails
}

func (i *imports) serve(w http.ResponseWriter, request *http.Request, body []byte) bool {
	if !strings.HasSuffix(request.URL.Path, "/imagestreamimports") {
		return false
	}
	var object imagev1.ImageStreamImport
	_ = json.Unmarshal(body, &object)
	for _, image := range object.Spec.Images {
		status := metav1.Status{Status: metav1.StatusSuccess}
		if i.failing[image.To.Name] > 0 {
			i.failing[image.To.Name]--
			status = metav1.Status{Status: metav1.StatusFailure, Message: "the registry is not there"}
		} else {
			i.done = append(i.done, image.To.Name+" "+image.From.Name)
		}
		object.Status.Images = append(object.Status.Images, imagev1.ImageImportStatus{Status: status})
	}
	_ = json.NewEncoder(w).Encode(object)
	return true
}

// TestMirrorToImageStream makes a cluster import a payload, and what fails at first again.
func TestMirrorToImageStream(t *testing.T) {
	_, release, _ := seed(t)
	server := imports{failing: map[string]int{"coredns": 3}}
	serveCluster(t, nil).Handle(server.serve)
	out, _ := run(t, 0, "mirror", "--insecure", release.PullSpec, "--to-image-stream", "mine", "-n",
		"there", "--dry-run")
	if !strings.Contains(out, " there/mine:coredns\n") ||
		!strings.Contains(out, release.PullSpec+" there/mine:release\n") || len(server.done) > 0 {
		t.Errorf("a dry run prints %s and imports %q", out, server.done)
	}
	out, _ = run(t, 0, "mirror", "--insecure", release.PullSpec, "--to-image-stream", "mine")
	if n := strings.Count(strings.Join(server.done, "\n"), "\n") +
		1; out != fmt.Sprintf("Mirrored %d images to here/mine\n", n) || n != 5 {
		t.Errorf("mirror printed %q and imported %q", out, server.done)
	}
	server.failing = map[string]int{"coredns": 100}
	if _, errors := run(t, 6, "mirror", "--insecure", release.PullSpec, "--to-image-stream",
		"mine"); !strings.Contains(errors, "could not import 1 images into here/mine: coredns from ") {
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
		out, _ := run(t, 0, append([]string{"new", "--insecure", "--from-image-stream", "4.12",
			"--name", "4.12.0-mine.1",
			"--to-image", r.Host + "/me/release:stream"}, namespace...)...)
		if !strings.HasPrefix(out, r.Host+"/me/release@sha256:") {
			t.Errorf("new printed %q", out)
		}
	}
	if _, errors := run(t, 3, "new", "--from-image-stream", "4.99", "--dry-run"); !strings.Contains(errors,
		"imagestreams/4.99 not found") {
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
	arguments := []string{"plan", "--insecure", "coredns=" + source, "--dockerfile", "Dockerfile",
		"--release-repo", source, "-q",
		"--cache-dir", t.TempDir()}
	out, errors := run(t, 0, append(arguments, "-o", "json")...)
	var planned struct{ Release struct{ Image string } }
	if err := json.Unmarshal([]byte(out), &planned); err != nil || planned.Release.Image != release.PullSpec {
		t.Errorf("the plan starts from %q, %v", planned.Release.Image, err)
	}
	if !strings.HasPrefix(errors, "Starting from the cluster's release, "+release.PullSpec+"\n") {
		t.Errorf("the first line is not about the cluster: %s", errors)
	}
	t.Run("deploy", func(t *testing.T) { // whatever rebuilds start from
		t.Setenv("OC_REBUILD_FROM_RELEASE", r.Host+"/another/release:1")
		_, errors := run(t, 2, "deploy", "coredns", "hyperkube", "--dockerfile", "Dockerfile",
			"--to-repository", r.Host+"/me/images")
		if !strings.Contains(errors, "Starting from the cluster's release, "+release.PullSpec) {
			t.Errorf("deploy starts from something else: %s", errors)
		}
	})
	out, _ = run(t, 0, "mirror", "--insecure", "--to", r.Host+"/copy/of", "--dry-run")
	if !strings.Contains(out, release.PullSpec+" "+r.Host+"/copy/of:") {
		t.Errorf("the mirror is of %s", out)
	}
	server.Delete(version)
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
	server := serveCluster(t, map[string]string{version: `{"status":{"desired":{"image":"` + release.PullSpec + `"}}}`})
	server.Deny("patch clusterversions")
	arguments := []string{"coredns", "--from-release", release.PullSpec, "--to-image", r.Host + "/me/release:x",
		"--upgrade", "--insecure"}
	r.Reset()
	if _, errors := run(t, 4, arguments...); !strings.Contains(errors, "this user may not change its version") {
		t.Errorf("without the right: %s", errors)
	}
	server.Deny()
	server.Put(t, version,
		`{"status":{"conditions":[{"type":"Progressing","status":"True","message":"Working towards 4.12.1"}]}}`)
	if _, errors := run(t, 3, arguments...); !strings.Contains(errors,
		"on its way to another release: Working towards 4.12.1") {
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

// TestFirstMistakes are those of who does not know the program: each ends with what is wrong, and what to do.
func TestFirstMistakes(t *testing.T) {
	_, release, _ := seed(t)
	t.Setenv("KUBECONFIG", "/none")
	repository, _, _ := strings.Cut(release.PullSpec, "@")
	empty := t.TempDir()
	cache := []string{"--insecure", "--from-release", release.PullSpec, "--release-repo", empty,
		"--cache-dir", t.TempDir()}
	tests := []struct {
		code int
		args []string
		want []string
	}{
		{2, []string{"help", "foo"}, []string{`there is no command "foo"`}},
		{2, []string{"help", "inof"}, []string{"Did you mean info?"}},
		{2, []string{"completion", "ksh"}, []string{`no completion for "ksh"`, "bash, fish, powershell and zsh"}},
		{3, []string{"info", "--insecure", "127.0.0.1:1/x/y:z"},
			[]string{"connection refused", `Is "127.0.0.1:1" the name of a registry`}},
		{3, []string{"info", "--insecure", repository + ":4.12.9"}, []string{"Tags that it has: "}},
		{3, append([]string{"plan", "coredns=" + empty, "--dockerfile", "Dockerfile"}, cache...),
			[]string{"there is no Dockerfile", "Is it a checkout of https://github.com/openshift/coredns?"}},
		{3, append([]string{"plan", "coredns", "--patch", "/no/such.patch"}, cache...),
			[]string{"/no/such.patch: no such file"}},
		{3, append([]string{"plan", "corends"}, cache...), []string{"Did you mean coredns?"}},
		{2, []string{"info"}, []string{"there is no kubeconfig", "Name a release"}},
	}
	for _, test := range tests {
		_, errors := run(t, test.code, test.args...)
		for _, want := range test.want {
			if !strings.Contains(errors, want) {
				t.Errorf("%q does not say %q: %s", test.args, want, errors)
			}
		}
	}
	if out, _ := run(t, 0, "help", "info"); !strings.Contains(out, "oc rebuild info") {
		t.Errorf("help of a command: %s", out)
	}
}
