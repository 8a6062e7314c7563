package cluster

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
	"time"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

const (
	namespace = "openshift-test-operator"
	operator  = "apis/apps/v1/namespaces/" + namespace + "/deployments/test-operator"
)

// manifest is the operator of the test: a shell, in the host's network, since the node may have no other.
const manifest = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: test-operator
  namespace: openshift-test-operator
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: test-operator}}
  template:
    metadata: {labels: {app: test-operator}}
    spec:
      hostNetwork: true
      terminationGracePeriodSeconds: 1
      containers:
      - name: operator
        image: {{operator}}
        command: ["/bin/busybox", "sh", "-c", "trap exit TERM; while :; do /bin/busybox sleep 1; done"]
        env: [{name: OPERAND_IMAGE, value: "{{operand}}"}]
`

// world is a cluster that runs a payload, and the program.
type world struct {
	t          *testing.T
	api        *cluster.Cluster
	kubeconfig string
	registry   string // host:port, which the node pulls from without TLS
	payload    string
	binary     string
	home       string
}

// newWorld installs a payload on the cluster that $OC_REBUILD_CLUSTER, a kubeconfig, leads to.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, kubeconfig: os.Getenv("OC_REBUILD_CLUSTER"), registry: os.Getenv("OC_REBUILD_CLUSTER_REGISTRY"),
		home: t.TempDir()}
	if w.kubeconfig == "" {
		t.Skip("no cluster: OC_REBUILD_CLUSTER names the kubeconfig of one, OC_REBUILD_CLUSTER_REGISTRY a registry that its nodes pull from without TLS, " +
			"which has test/busybox:1")
	}
	var err error
	if w.api, err = cluster.Connect(w.kubeconfig, ""); err != nil {
		t.Fatal(err)
	}
	w.binary = filepath.Join(t.TempDir(), "oc-rebuild")
	ctx := context.Background()
	if err := playground.BuildProgram(ctx, w.binary); err != nil {
		t.Fatal(err)
	}
	definitions(t, w.api)
	if err := w.api.Create(ctx, "api/v1/namespaces", []byte(`{"metadata":{"name":"`+namespace+`"}}`),
		nil); err != nil && !errors.Is(err, cluster.ErrExists) {
		t.Fatal(err)
	}
	r := &payloadtest.Registry{Host: w.registry}
	busybox, err := payloadtest.Client(t).Image(ctx, w.registry+"/test/busybox:1")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("{{operator}}", payloadtest.Placeholder("test-operator"), "{{operand}}",
		payloadtest.Placeholder("test-operand")).Replace(manifest)
	operand := r.Push(t, "test/operand", "1", payloadtest.Image{Layers: []map[string]string{{"operand": "1"}}}.Build(t))
	seeded := r.Seed(t, payloadtest.Release{Name: "4.17.0", Created: time.Unix(1.7e9, 0).UTC(),
		Components: []payloadtest.Component{
			{Name: "test-operator", Pushed: busybox.PullSpec()}, {Name: "test-operand", Pushed: operand},
			{Name: "cluster-version-operator", Manifests: map[string]string{"0000_50_test_deployment.yaml": text}},
		}})
	w.payload = seeded.PullSpec
	cvo := &versionOperator{api: w.api,
		objects: map[string]string{operator: seeded.Files["0000_50_test_deployment.yaml"]}}
	err = w.api.Create(ctx, filepath.Dir(versionPath),
		[]byte(`{"apiVersion":"config.openshift.io/v1","kind":"ClusterVersion","metadata":{"name":"version"},`+
			`"spec":{"clusterID":"11111111-2222-3333-4444-555555555555"}}`), nil)
	if err != nil && !errors.Is(err, cluster.ErrExists) {
		t.Fatal(err)
	}
	if err := w.api.Merge(ctx, versionPath, []byte(`{"spec":{"overrides":null,"desiredUpdate":null}}`)); err != nil {
		t.Fatal(err)
	}
	if err := cvo.status(ctx, w.payload, "Completed", ""); err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		cvo.run(running, t)
	}()
	t.Cleanup(func() { stop(); <-done })
	w.eventuallyRuns(busybox.PullSpec())
	return w
}

// ran is how the program ended.
type ran struct {
	code           int
	stdout, stderr string
}

// run runs the program in a directory of the test.
func (w *world) run(kubeconfig string, args ...string) ran {
	w.t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, w.binary, args...)
	command.Dir, command.Stdout, command.Stderr = w.home, &out, &errs
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "XDG_CACHE_HOME="+w.home)
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return ran{command.ProcessState.ExitCode(), out.String(), errs.String()}
}

// ok runs the program and wants it to succeed.
func (w *world) ok(args ...string) ran {
	w.t.Helper()
	got := w.run(w.kubeconfig, args...)
	if got.code != 0 {
		w.t.Fatalf("oc-rebuild %q: exit code %d\n%s%s", args, got.code, got.stdout, got.stderr)
	}
	return got
}

// images are what the running pods of the operator were made from.
func (w *world) images() (images []string) {
	var pods struct {
		Items []struct {
			Metadata struct{ DeletionTimestamp *string }
			Spec     struct{ Containers []struct{ Image string } }
			Status   struct{ ContainerStatuses []struct{ Ready bool } }
		}
	}
	if err := w.api.Get(context.Background(), "api/v1/namespaces/"+namespace+"/pods", &pods); err != nil {
		w.t.Fatal(err)
	}
	for _, pod := range pods.Items {
		if len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].Ready &&
			pod.Metadata.DeletionTimestamp == nil {
			images = append(images, pod.Spec.Containers[0].Image)
		}
	}
	return images
}

func (w *world) eventuallyRuns(image string) {
	w.t.Helper()
	eventually(w.t, "the operator runs "+image, func() bool {
		images := w.images()
		return len(images) == 1 && images[0] == image
	})
}

// stays checks that a pod of an image is left alone for a while.
func (w *world) stays(image string) {
	w.t.Helper()
	for range 10 {
		if images := w.images(); len(images) != 1 || images[0] != image {
			w.t.Fatalf("the operator runs %q, not %s any more", images, image)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// source makes a source directory with a Dockerfile.
func (w *world) source(text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Join(w.home, "src"), 0o755); err != nil {
		w.t.Fatal(err)
	}
	dockerfile := "FROM " + w.registry + "/test/busybox:1\nRUN echo '" + text + "' >/etc/motd\n"
	if err := os.WriteFile(filepath.Join(w.home, "src/Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// object reads an object as text.
func (w *world) object(path string) string {
	w.t.Helper()
	var object any
	if err := w.api.Get(context.Background(), path, &object); err != nil {
		w.t.Fatal(err)
	}
	text, err := json.Marshal(object)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// TestThereAndBack deploys an operator on the cluster, again, one that cannot be pulled, and takes all of it back.
func TestThereAndBack(t *testing.T) {
	w := newWorld(t)
	before := w.images()[0]
	deploy := []string{"deploy", "test-operator=./src", "--dockerfile", "Dockerfile", "--to-repository",
		w.registry + "/me/operator", "--insecure", "--cache-dir", filepath.Join(w.home, "cache")}
	for _, text := range []string{"first", "second"} {
		w.source(text)
		began := time.Now()
		got := w.ok(deploy...)
		_, image, _ := strings.Cut(strings.TrimSpace(got.stdout), " ")
		t.Logf("%s: from the edit to the running pod %.1f s", text, time.Since(began).Seconds())
		w.stays(image)
		if status := w.ok("status"); !strings.Contains(status.stdout, image) ||
			!strings.Contains(status.stdout, "admin") {
			t.Errorf("status:\n%s", status.stdout)
		}
	}
	if got := w.run(w.kubeconfig, "deploy", "--image", "test-operator="+w.registry+"/test/none:1",
		"--insecure"); got.code != 3 {
		t.Errorf("an image that is not there: exit code %d, %s", got.code, got.stderr)
	}
	operand := w.ok("deploy", "--image", "test-operand="+w.registry+"/test/busybox:1", "--insecure")
	if deployed := w.object(operator); !strings.Contains(deployed, `"name":"OPERAND_IMAGE","value":"`+before+`"`) {
		t.Errorf("the operand's image is not set: %s\n%s", operand.stderr, deployed)
	}
	w.ok("restore", "test-operand")
	if status := w.ok("status", "-o", "json"); strings.Contains(status.stdout, "test-operand") ||
		!strings.Contains(status.stdout, "test-operator") {
		t.Errorf("status after one of two was restored:\n%s", status.stdout)
	}
	w.ok("restore")
	w.eventuallyRuns(before)
	if got := w.object(versionPath); strings.Contains(got, "unmanaged") {
		t.Errorf("the cluster version operator still leaves objects alone: %s", got)
	}
	if got := w.object(operator); strings.Contains(got, "oc-rebuild") {
		t.Errorf("the operator still has an annotation: %s", got)
	}
}

// TestPodsThatDoNotStart tells of an image whose program does not run.
func TestPodsThatDoNotStart(t *testing.T) {
	w := newWorld(t)
	r := &payloadtest.Registry{Host: w.registry}
	empty := r.Push(t, "test/empty", "1",
		payloadtest.Image{Layers: []map[string]string{{"nothing": fmt.Sprint(time.Now().UnixNano())}}}.Build(t))
	got := w.run(w.kubeconfig, "deploy", "--image", "test-operator="+empty, "--insecure", "--timeout", "60s")
	if got.code != 6 || !strings.Contains(got.stderr, "oc rebuild restore") {
		t.Errorf("an image without a program: exit code %d\n%s", got.code, got.stderr)
	}
	w.ok("restore", "-q")
}

// TestWithoutTheRight ends before anything is built.
func TestWithoutTheRight(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	err := w.api.Create(ctx, "api/v1/namespaces/default/serviceaccounts", []byte(`{"metadata":{"name":"nobody"}}`), nil)
	if err != nil && !errors.Is(err, cluster.ErrExists) {
		t.Fatal(err)
	}
	var token struct{ Status struct{ Token string } }
	if err := w.api.Create(ctx, "api/v1/namespaces/default/serviceaccounts/nobody/token", []byte(`{"spec":{}}`),
		&token); err != nil {
		t.Fatal(err)
	}
	text := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: k, cluster: {insecure-skip-tls-verify: true, server: '" + w.api.Host + "'}}]\n" +
		"users: [{name: u, user: {token: " + token.Status.Token +
		"}}]\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
	kubeconfig := filepath.Join(w.home, "nobody")
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.source("never built")
	got := w.run(kubeconfig, "deploy", "test-operator=./src", "--dockerfile", "Dockerfile", "--to-repository",
		w.registry+"/me/operator", "--insecure",
		"--from-release", w.payload)
	if got.code != 4 || !strings.Contains(got.stderr, "this user may not patch clusterversion/version") ||
		strings.Contains(got.stderr, token.Status.Token) {
		t.Errorf("exit code %d\n%s", got.code, got.stderr)
	}
	if got := w.run(kubeconfig, "status"); got.code != 4 {
		t.Errorf("status: exit code %d\n%s", got.code, got.stderr)
	}
}

// TestUpgrade brings the cluster to a new payload.
func TestUpgrade(t *testing.T) {
	w := newWorld(t)
	w.source("upgraded")
	got := w.ok("test-operator=./src", "--dockerfile", "Dockerfile", "--to-image", w.registry+"/me/release:",
		"--insecure", "--upgrade",
		"--cache-dir", filepath.Join(w.home, "cache"))
	image := strings.TrimSpace(got.stdout)
	if !strings.Contains(w.object(versionPath), `"desired":{"image":"`+image+`"`) ||
		!strings.Contains(got.stderr, "cluster: the cluster runs "+image) {
		t.Errorf("the cluster is not there:\n%s", got.stderr)
	}
}
