package cluster

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"sigs.k8s.io/yaml"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
	"github.com/oc-rebuild/oc-rebuild/rebuild/tekton"
)

// engine is a cluster with Tekton, an image with the program that its pods run, and a playground that they reach,
// since the pods are in the network of the node, which is this machine's.
type engine struct {
	t      *testing.T
	api    *cluster.Cluster
	p      *playground.Playground
	binary string
	flags  []string
}

// canary is a password in the user's file of credentials. Nothing of it may reach the cluster.
const canary = "canary-of-the-user"

func newEngine(t *testing.T, options playground.Options) *engine {
	t.Helper()
	kubeconfig, host := os.Getenv("OC_REBUILD_CLUSTER"), os.Getenv("OC_REBUILD_CLUSTER_REGISTRY")
	if kubeconfig == "" {
		t.Skip("no cluster: OC_REBUILD_CLUSTER names the kubeconfig of one with Tekton, OC_REBUILD_CLUSTER_REGISTRY a registry that its nodes pull from without TLS")
	}
	api, err := cluster.Connect(kubeconfig, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&tekton.Cluster{API: api}).Check(t.Context(), true); errors.Is(err, tekton.ErrNone) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	p, err := playground.Start(context.Background(), t.TempDir(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	e := &engine{t: t, api: api, p: p, binary: filepath.Join(t.TempDir(), "oc-rebuild")}
	if err := playground.BuildProgram(t.Context(), e.binary,
		"-tags", "containers_image_openpgp exclude_graphdriver_btrfs osusergo netgo sqlite_omit_load_extension",
		"-ldflags", "-s -w -linkmode external -extldflags '-static -Wl,--no-warnings'"); err != nil {
		t.Fatal(err)
	}
	auth := `{"auths": {"other.example.com": {"auth": "` + canary + `"}}}`
	pod := filepath.Join(p.Dir, "pod.yaml")
	for name, text := range map[string]string{p.AuthFile(): auth, pod: "hostNetwork: true\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	image := e.image(host)
	e.flags = []string{"--engine", "tekton", "--engine-image", image, "--pod-template", pod, "--kubeconfig", kubeconfig}
	return e
}

// image pushes an image with the program, and with what leads to the playground.
func (e *engine) image(host string) string {
	e.t.Helper()
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, directory := range []string{"usr/bin", "root", "tmp", "var/tmp", "etc/containers"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: directory + "/", Mode: 0o1777}); err != nil {
			e.t.Fatal(err)
		}
	}
	home := filepath.Join(e.p.Dir, "home")
	for name, from := range map[string]string{"usr/bin/oc-rebuild": e.binary,
		"root/.gitconfig":                filepath.Join(home, ".gitconfig"),
		"etc/containers/registries.conf": filepath.Join(home, ".config/containers/registries.conf")} {
		data, err := os.ReadFile(from)
		if err == nil {
			err = w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data))})
		}
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			e.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		e.t.Fatal(err)
	}
	content, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		e.t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, content)
	if err == nil {
		image, err = mutate.ConfigFile(image, &v1.ConfigFile{OS: "linux", Architecture: "amd64",
			RootFS: v1.RootFS{Type: "layers", DiffIDs: diffIDs(e.t, content)},
			Config: v1.Config{Env: []string{"PATH=/usr/bin", "HOME=/root"},
				Entrypoint: []string{"/usr/bin/oc-rebuild"}}})
	}
	if err != nil {
		e.t.Fatal(err)
	}
	return (&payloadtest.Registry{Host: host}).Push(e.t, "test/engine", "1", image)
}

func diffIDs(t *testing.T, layer v1.Layer) []v1.Hash {
	t.Helper()
	id, err := layer.DiffID()
	if err != nil {
		t.Fatal(err)
	}
	return []v1.Hash{id}
}

// command is the program in the environment of the playground's user.
func (e *engine) command(args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	command := exec.Command(e.binary, args...)
	command.Dir, command.Stdout, command.Stderr = e.p.Dir, &out, &errs
	command.Env = append(os.Environ(), e.p.Env()...)
	return command, &out, &errs
}

// run runs the program and wants an exit code.
func (e *engine) run(code int, args ...string) (stdout, stderr string) {
	e.t.Helper()
	began := time.Now()
	command, out, errs := e.command(args...)
	_ = command.Run() // the exit code says it
	if got := command.ProcessState.ExitCode(); got != code {
		e.t.Fatalf("oc-rebuild %q: exit code %d, want %d\n%s%s", args, got, code, out, errs)
	}
	e.t.Logf("oc-rebuild %s: %.1f s", args[0], time.Since(began).Seconds())
	return strings.TrimSpace(out.String()), errs.String()
}

// list reads objects of the namespace as text.
func (e *engine) list(path string) string {
	e.t.Helper()
	var list any
	if err := e.api.Get(context.Background(), path, &list); err != nil {
		e.t.Fatal(err)
	}
	data, err := json.Marshal(list)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(data)
}

const (
	pods      = "api/v1/namespaces/default/pods"
	pipelines = "apis/tekton.dev/v1/namespaces/default/pipelineruns"
)

// noPods checks that no pod of a run goes on.
func (e *engine) noPods(run string) {
	e.t.Helper()
	if left := e.list(pods + "?labelSelector=tekton.dev/pipelineRun=" + run); strings.Contains(left,
		`"phase":"Running"`) || strings.Contains(left, `"phase":"Pending"`) {
		e.t.Errorf("pods of %s go on: %s", run, left)
	}
}

// TestTekton carries out one plan here and on the cluster, in each of the ways that a run can go.
func TestTekton(t *testing.T) {
	e := newEngine(t, playground.Options{})
	release := e.p.Registry.Host + "/me/release"
	saved, _ := e.run(0, "plan", "cluster-config-api", "cluster-config-operator", "--from-release", e.p.Payload,
		"--release-repo", e.p.ReleaseRepo, "-o", "json")
	planned := filepath.Join(e.p.Dir, "plan.json")
	if err := os.WriteFile(planned, []byte(saved), 0o644); err != nil {
		t.Fatal(err)
	}
	images := e.p.Registry.Host + "/me/images"
	apply := func(tag string, more ...string) []string {
		return append(append([]string{"apply", planned, "--to-image", release + ":" + tag, "--to-repository", images},
			e.flags...), more...)
	}
	here, _ := e.run(0, "apply", planned, "--to-image", release+":here", "--to-repository", images)

	t.Run("as here", func(t *testing.T) {
		e.t = t
		there, said := e.run(0, apply("there")...)
		if there != here || !strings.Contains(said, "cluster-config-operator: build done") {
			t.Errorf("the payload is %s, here it is %s\n%s", there, here, said)
		}
		made := e.list(pods)
		for _, want := range []string{`"capabilities":{"add":["SETFCAP","SETUID","SETGID"],"drop":["ALL"]}`,
			`"seccompProfile":{"type":"Unconfined"}`} {
			if !strings.Contains(made, want) {
				t.Errorf("no pod has %s", want)
			}
		}
		if strings.Contains(made, `"privileged":true`) {
			t.Error("a pod is privileged")
		}
	})
	t.Run("nothing is built again", func(t *testing.T) {
		e.t = t
		mirrors := filepath.Join(e.p.Dir, "mirrors.yaml")
		err := os.WriteFile(mirrors,
			[]byte("kind: ImageDigestMirrorSet\nspec:\n  imageDigestMirrors:\n  - source: example.com/none\n    mirrors: [example.com/other]\n"), 0o644)
		if err != nil {
			t.Fatal(err)
		}
		there, said := e.run(0, apply("again", "--jobs", "1", "--idms-file", mirrors)...)
		if there != here || strings.Contains(said, "build done") || !strings.Contains(said, "was built of the same") {
			t.Errorf("the payload is %s, here it is %s\n%s", there, here, said)
		}
	})
	t.Run("a working tree", func(t *testing.T) {
		e.t = t
		tree := filepath.Join(e.p.Dir, "mine")
		if err := e.p.Checkout(t.Context(), "openshift/cluster-config-operator", "release-4.17", tree); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, "mine.txt"), []byte("mine\n"), 0o664); err != nil {
			t.Fatal(err)
		}
		args := func(tag string, more ...string) []string {
			return append([]string{"cluster-config-operator=" + tree, "--from-release", e.p.Payload,
				"--release-repo", e.p.ReleaseRepo,
				"--to-image", release + ":" + tag, "--to-repository", images}, more...)
		}
		want, _ := e.run(0, args("tree")...)
		if got, said := e.run(0, args("packed", e.flags...)...); got != want || !strings.Contains(said, "build done") {
			t.Errorf("the payload is %s, here it is %s\n%s", got, want, said)
		}
	})
	t.Run("two platforms", func(t *testing.T) {
		e.t = t
		multi, err := e.p.Multi(t.Context(), "arm64")
		if err != nil {
			t.Fatal(err)
		}
		args := func(tag string, more ...string) []string {
			return append([]string{"cluster-config-api", "--from-release", multi, "--release-repo", e.p.ReleaseRepo,
				"--to-image", release + ":" + tag, "--to-repository", images, "--platform", "linux/amd64,linux/arm64"},
				more...)
		}
		want, _ := e.run(0, args("multi")...)
		// the only node is for amd64, and can build what copies files for both
		got, said := e.run(0, args("multi-there", append(e.flags, "--node-selector", "kubernetes.io/arch=amd64",
			"--no-cache")...)...)
		if got != want || !strings.Contains(said, "cluster-config-api (linux/arm64): build done") {
			t.Errorf("the payload is %s, here it is %s\n%s", got, want, said)
		}
	})
	t.Run("the client is killed", func(t *testing.T) {
		e.t = t
		run, _ := e.run(0, apply("killed", "--no-wait")...)
		command, _, _ := e.command(append([]string{"follow", run}, e.flags[len(e.flags)-2:]...)...)
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		_ = command.Process.Kill()
		_ = command.Wait()
		if there, said := e.run(0, append([]string{"follow", run}, e.flags[len(e.flags)-2:]...)...); there != here {
			t.Errorf("the payload is %s, here it is %s\n%s", there, here, said)
		}
	})
	// with is apply for a plan whose first component has one step more.
	with := func(step, tag string) []string {
		changed := filepath.Join(e.p.Dir, tag+".json")
		text := strings.Replace(saved, "COPY payload-manifests", "RUN "+step+`\nCOPY payload-manifests`, 1)
		if err := os.WriteFile(changed, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		args := apply(tag)
		args[1] = changed
		return args
	}
	t.Run("a step looks for the pod's credentials", func(t *testing.T) {
		e.t = t
		e.run(0, with(`cat /proc/1/status >/dev/null || exit 8; for p in /proc/[0-9]*; do cat $p/root/root/.gitconfig 2>/dev/null && exit 9; done; exit 0`, "looks")...)
	})
	t.Run("a component fails", func(t *testing.T) {
		e.t = t
		_, said := e.run(5, with("echo this is why; exit 3", "broken")...)
		if !strings.Contains(said, "this is why") || !strings.Contains(said, "not begun: cluster-config-operator") ||
			!strings.Contains(said, "cluster-config-api: build warning: failed, and is tried again: building") {
			t.Errorf("said %s", said)
		}
	})
	t.Run("a component fails, and the payload has the others", func(t *testing.T) {
		e.t = t
		at := strings.LastIndex(saved, `\nCOPY `)
		changed := filepath.Join(e.p.Dir, "kept.json")
		if err := os.WriteFile(changed, []byte(saved[:at]+`\nRUN echo this is why; exit 3`+saved[at:]),
			0o644); err != nil {
			t.Fatal(err)
		}
		want, _ := e.run(5, "apply", changed, "--to-image", release+":kept", "--to-repository", images, "--keep-going")
		args := apply("kept-there", "--keep-going")
		args[1] = changed
		there, said := e.run(5, args...)
		if there != want || !strings.Contains(said, "As they were: ") || !strings.Contains(said, "this is why") {
			t.Errorf("the payload is %s, here it is %s\n%s", there, want, said)
		}
	})
	t.Run("a quota of one pod", func(t *testing.T) {
		e.t = t
		const quotas = "api/v1/namespaces/default/resourcequotas"
		allow := func(pods string) {
			if err := e.api.Merge(context.Background(), quotas+"/pods",
				[]byte(`{"spec":{"hard":{"pods":"`+pods+`"}}}`)); err != nil {
				t.Fatal(err)
			}
		}
		err := e.api.Create(t.Context(), quotas,
			[]byte(`{"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"pods"}}`), nil)
		if err != nil && !errors.Is(err, cluster.ErrExists) { // from an earlier run on this cluster
			t.Fatal(err)
		}
		allow("1")
		defer allow("1000")
		time.Sleep(5 * time.Second) // until its controller has counted
		args := append([]string{"cluster-config-api", "machine-config-operator", "--from-release", e.p.Payload,
			"--release-repo", e.p.ReleaseRepo,
			"--to-image", release + ":quota", "--to-repository", images}, e.flags...)
		if _, said := e.run(0, args...); !strings.Contains(said, "exceeded quota") {
			t.Errorf("nothing waited for the quota:\n%s", said)
		}
	})
	t.Run("an interrupt", func(t *testing.T) {
		e.t = t
		command, out, errs := e.command(apply("interrupted", "--no-cache")...)
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * time.Second)
		if err := command.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_ = command.Wait()
		t.Logf("it took %.1f s", time.Since(began).Seconds())
		if code := command.ProcessState.ExitCode(); code != 130 {
			t.Errorf("exit code %d\n%s%s", code, out, errs)
		}
		_, run, _ := strings.Cut(errs.String(), "Run ")
		run, _, _ = strings.Cut(run, " ")
		e.noPods(run)
	})
	t.Run("an image that is not there", func(t *testing.T) {
		e.t = t
		args := apply("none")
		for i, arg := range args {
			args[i] = strings.Replace(arg, "/test/engine@", "/test/none@", 1)
		}
		if _, said := e.run(3, args...); !strings.Contains(said,
			"Nodes must be able to pull the image of --engine-image") {
			t.Errorf("said %s", said)
		}
	})
	t.Run("a stricter pod", func(t *testing.T) {
		e.t = t
		objects, _ := e.run(0, apply("strict", "-o", "yaml")...)
		e.create(strings.ReplaceAll(strings.ReplaceAll(objects, "Unconfined", "RuntimeDefault"),
			"name: oc-rebuild-", "name: strict-"))
		_, name, _ := strings.Cut(objects, "\n  name: rebuild-")
		name, _, _ = strings.Cut(name, "\n")
		_, said := e.run(1, append([]string{"follow", "rebuild-" + name}, e.flags[len(e.flags)-2:]...)...)
		if !strings.Contains(said, "the seccomp profile of this container forbids it") ||
			strings.Contains(said, "unshare(CLONE_NEWUSER)") {
			t.Errorf("said %s", said)
		}
	})
	for _, path := range []string{pipelines, strings.Replace(pipelines, "pipelineruns", "taskruns", 1),
		strings.Replace(pipelines, "pipelineruns", "tasks", 1), pods,
		"api/v1/namespaces/default/configmaps", "api/v1/namespaces/default/events"} {
		if strings.Contains(e.list(path), canary) {
			t.Errorf("%s have the user's credentials", path)
		}
	}
}

// create makes the objects of a text for kubectl.
func (e *engine) create(text string) {
	e.t.Helper()
	for _, document := range strings.Split(text, "---\n") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		data, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			e.t.Fatal(err)
		}
		collection := pipelines
		if strings.Contains("\n"+document, "\nkind: Task\n") {
			collection = strings.Replace(pipelines, "pipelineruns", "tasks", 1)
		}
		if err := e.api.Create(context.Background(), collection, data, nil); err != nil {
			e.t.Fatalf("%s: %v", collection, err)
		}
	}
}
