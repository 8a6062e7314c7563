package osimages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
)

var (
	binary  string // the program under test
	storage string // containers storage that all tests share, so that an image is pulled once
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	directory, err := os.MkdirTemp("", "oc-rebuild-osimages-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(directory)
	binary, storage = filepath.Join(directory, "oc-rebuild"), filepath.Join(directory, "storage")
	if given := os.Getenv("OC_REBUILD_BINARY"); given != "" {
		if binary, err = filepath.Abs(given); err != nil {
			return 1, err
		}
		return m.Run(), nil
	}
	if err := playground.BuildProgram(context.Background(), binary); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// need skips a test where programs are missing that hack/requirements installs.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: run hack/requirements as root, or apt-get install ostree createrepo-c rpm",
				program)
		}
	}
}

// world is a registry with a payload, and the flags that every run has.
type world struct {
	t        *testing.T
	registry *payloadtest.Registry
	payload  string
	flags    []string
}

// newWorld seeds a payload that has the given images under their names, beside two operators.
func newWorld(t *testing.T, images map[string]v1.Image) *world {
	t.Helper()
	return newWorldOf(t, "ocp/4.12", images)
}

// newWorldOf is newWorld with a payload of an image stream.
func newWorldOf(t *testing.T, stream string, images map[string]v1.Image) *world {
	t.Helper()
	components := []payloadtest.Component{
		{Name: "cluster-version-operator",
			Manifests: map[string]string{"cvo.yaml": "kind: ConfigMap\napiVersion: v1\n"}},
		{Name: "machine-config-operator", Manifests: map[string]string{"mco.yaml": operatorManifest(images)}},
	}
	for component := range images {
		components = append(components, payloadtest.Component{Name: component})
	}
	return newWorldFrom(t, payloadtest.Release{Name: "4.12.0", Created: created, Components: components,
		Annotations: map[string]string{"release.openshift.io/from-image-stream": stream}}, images)
}

// newWorldFrom seeds a payload and puts images in the place of components that it has.
func newWorldFrom(t *testing.T, release payloadtest.Release, images map[string]v1.Image) *world {
	t.Helper()
	w := &world{t: t, registry: payloadtest.NewRegistry(t)}
	seeded := w.registry.Seed(t, release)
	var changes []payload.Change
	for component, image := range images {
		changes = append(changes, payload.Change{Component: component,
			Image: w.registry.Push(t, "test/os", component, image)})
	}
	client := payloadtest.Client(t)
	opened, err := payload.Open(t.Context(), client, seeded.PullSpec)
	check(t, err)
	assembly, err := payload.Assemble(t.Context(), client, opened, changes, payload.AssembleOptions{})
	check(t, err)
	pushed, err := assembly.Push(t.Context(), client, w.registry.Host+"/test/release:os")
	check(t, err)
	w.payload = pushed.Image
	w.flags = []string{"--insecure", "--cache-dir", t.TempDir(), "--platform", "linux/amd64"}
	return w
}

// operatorManifest names every image, as the machine-config-operator does.
func operatorManifest(images map[string]v1.Image) string {
	text := "kind: ConfigMap\napiVersion: v1\ndata:\n"
	for component := range images {
		text += "  " + component + ": " + payloadtest.Placeholder(component) + "\n"
	}
	return text
}

// outcome is what a run of the program left.
type outcome struct {
	code           int
	stdout, stderr string
}

// run runs the program.
func (w *world) run(args ...string) outcome {
	w.t.Helper()
	command := exec.CommandContext(w.t.Context(), binary, args...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return outcome{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// to is the pull spec that new payloads are pushed to.
func (w *world) to() string { return w.registry.Host + "/me/release:new" }

// rebuild runs the main job, which must succeed, and returns its result.
func (w *world) rebuild(args ...string) rebuild.Result {
	w.t.Helper()
	got := w.tryRebuild(append(args, "-o", "json")...)
	if got.code != 0 {
		w.t.Fatalf("exit code %d\n%s%s", got.code, got.stderr, got.stdout)
	}
	var result rebuild.Result
	if err := json.Unmarshal([]byte(got.stdout), &result); err != nil {
		w.t.Fatalf("%v in %q", err, got.stdout)
	}
	return result
}

// tryRebuild runs the main job.
func (w *world) tryRebuild(args ...string) outcome {
	w.t.Helper()
	args = append(args, "--from-release", w.payload, "--to-image", w.to(), "--storage-root", storage,
		"--isolation", "chroot")
	return w.run(append(args, w.flags...)...)
}

// image reads an image of the registry.
func (w *world) image(pullSpec string) v1.Image {
	w.t.Helper()
	ref, err := name.ParseReference(pullSpec, name.Insecure)
	check(w.t, err)
	image, err := remote.Image(ref)
	check(w.t, err)
	return image
}

// component returns the image that a payload has under a name.
func (w *world) component(release, component string) v1.Image {
	w.t.Helper()
	opened, err := payload.Open(w.t.Context(), payloadtest.Client(w.t), release)
	check(w.t, err)
	found, err := opened.Component(component)
	check(w.t, err)
	return w.image(found.Image)
}

// labels returns the labels of an image.
func labels(t *testing.T, image v1.Image) map[string]string {
	t.Helper()
	config, err := image.ConfigFile()
	check(t, err)
	return config.Config.Labels
}

// uploads counts the blobs that the registry was sent since it was last asked.
func (w *world) uploads() int {
	requests, _ := w.registry.Reset()
	sent := 0
	for _, request := range requests {
		if strings.HasPrefix(request, "PUT /v2/me/release/blobs/") {
			sent++
		}
	}
	return sent
}

// write writes files below a new directory and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	directory := t.TempDir()
	for name, text := range files {
		to := filepath.Join(directory, name)
		check(t, os.MkdirAll(filepath.Dir(to), 0o755))
		mode := os.FileMode(0o644)
		if strings.Contains(name, "bin/") || strings.HasSuffix(name, ".sh") {
			mode = 0o755
		}
		check(t, os.WriteFile(to, []byte(text), mode))
	}
	return directory
}

// command runs a program of this machine and returns its output.
func command(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return string(out)
}
