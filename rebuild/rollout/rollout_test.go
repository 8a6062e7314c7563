package rollout_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/cluster/clustertest"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
	"github.com/oc-rebuild/oc-rebuild/rebuild/rollout"
)

const versionPath = "/apis/config.openshift.io/v1/clusterversions/version"

const operator = `apiVersion: apps/v1
kind: Deployment
metadata: {name: dns-operator, namespace: openshift-dns-operator, annotations: {include.release.openshift.io/self-managed-high-availability: "true"}}
spec:
  selector: {matchLabels: {name: dns-operator}}
  template:
    spec:
      initContainers: [{name: prepare, image: IMAGE-cli}]
      containers:
      - {name: dns-operator, image: IMAGE-cluster-dns-operator, env: [{name: IMAGE, value: IMAGE-coredns}, {name: RELEASE_VERSION, value: "4.17.0"}]}
      - {name: kube-rbac-proxy, image: IMAGE-kube-rbac-proxy, command: [run, "--images=thanos=IMAGE-thanos"], args: ["-v=2", "--images=prometheus=IMAGE-prometheus"]}
`

const mco = `apiVersion: v1
kind: ConfigMap
metadata: {name: mco-images, namespace: openshift-mco}
data: {images.json: '{"machineConfigOperator": "IMAGE-mco", "other": "IMAGE-cli"}'}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: mco, namespace: openshift-mco}
spec:
  selector: {matchLabels: {name: mco}}
  template:
    spec:
      containers: [{name: mco, image: IMAGE-mco}]
      volumes: [{name: images, configMap: {name: mco-images}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: elsewhere, namespace: openshift-mco}
spec: {template: {spec: {containers: [{name: x, image: IMAGE-mco}]}}}
`

// seed makes a release, and a cluster that has its objects, but for one.
func seed(t *testing.T) (*payload.Release, *clustertest.Server, *rollout.Cluster) {
	t.Helper()
	placeholders := func(text string) string {
		for _, name := range []string{"cli", "cluster-dns-operator", "coredns", "kube-rbac-proxy", "mco",
			"prometheus", "thanos"} {
			text = strings.ReplaceAll(text, "IMAGE-"+name, payloadtest.Placeholder(name))
		}
		return text
	}
	r := payloadtest.NewRegistry(t)
	seeded := r.Seed(t, payloadtest.Release{Name: "4.17.0", Created: time.Unix(1e9, 0).UTC(),
		Components: []payloadtest.Component{
			{Name: "cli"}, {Name: "coredns"}, {Name: "kube-rbac-proxy"}, {Name: "prometheus"}, {Name: "thanos"},
			{Name: "cluster-dns-operator", Manifests: map[string]string{"deployment.yaml": placeholders(operator)}},
			{Name: "mco", Manifests: map[string]string{"all.yaml": placeholders(mco)}},
			{Name: "cluster-version-operator", Manifests: map[string]string{"x.yaml": "kind: A\napiVersion: v1\n"}},
		}})
	release, err := payload.Open(context.Background(), payloadtest.Client(t), seeded.PullSpec)
	if err != nil {
		t.Fatal(err)
	}
	s := clustertest.New(t)
	s.Put(t, versionPath, "metadata: {name: version}\nspec: {}\n")
	for _, file := range release.Manifests() {
		for _, document := range strings.Split(string(file.Data), "---\n") {
			for path, mark := range map[string]string{dnsPath: "name: dns-operator, namespace",
				mcoPath: "name: mco, namespace", mapPath: "name: mco-images, namespace"} {
				if strings.Contains(document, "metadata: {"+mark) {
					s.Put(t, path, document)
				}
			}
		}
	}
	api, err := cluster.Connect(s.Kubeconfig, "")
	if err != nil {
		t.Fatal(err)
	}
	return release, s, &rollout.Cluster{API: api}
}

const (
	dnsPath = "/apis/apps/v1/namespaces/openshift-dns-operator/deployments/dns-operator"
	mcoPath = "/apis/apps/v1/namespaces/openshift-mco/deployments/mco"
	mapPath = "/api/v1/namespaces/openshift-mco/configmaps/mco-images"
)

func find(t *testing.T, release *payload.Release, name string) rollout.Sites {
	t.Helper()
	sites, err := rollout.Find(release, name)
	if err != nil {
		t.Fatal(err)
	}
	return sites
}

func TestFind(t *testing.T) {
	release, _, _ := seed(t)
	tests := map[string][]string{
		"cluster-dns-operator": {"deployment/dns-operator in openshift-dns-operator, container dns-operator"},
		"prometheus":           {"deployment/dns-operator in openshift-dns-operator, an argument of kube-rbac-proxy"},
		"coredns":              {"deployment/dns-operator in openshift-dns-operator, variable IMAGE of dns-operator"},
		"cli": {"configmap/mco-images in openshift-mco, key images.json",
			"deployment/dns-operator in openshift-dns-operator, container prepare"},
		"mco": {"configmap/mco-images in openshift-mco, key images.json",
			"daemonset/elsewhere in openshift-mco, container x",
			"deployment/mco in openshift-mco, container mco"},
	}
	for name, want := range tests {
		var got []string
		for _, place := range find(t, release, name).Places {
			got = append(got, place.String())
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if readers := find(t, release, "cli").Readers; len(readers) != 1 || readers[0].Name != "mco" {
		t.Errorf("the ConfigMap is read by %v", readers)
	}
	for _, name := range []string{"cluster-version-operator", "none"} {
		if _, err := rollout.Find(release, name); fault.KindOf(err) != fault.Unresolved {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestThereAndBack deploys two images of one object, one of them twice, while others change the same objects, and takes
// them back one after the other: the cluster is as it was.
func TestThereAndBack(t *testing.T) {
	release, s, c := seed(t)
	ctx := context.Background()
	before := s.Get(dnsPath, "spec")
	set := func(component, image string) {
		t.Helper()
		s.Refuse(2)
		workloads, err := c.Set(ctx, find(t, release, component),
			rollout.Record{Image: image, Commit: "abc", By: "me", Since: time.Unix(1e9, 0).UTC()})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(ctx, workloads, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	set("cluster-dns-operator", "example.org/dns@sha256:1")
	set("coredns", "example.org/coredns@sha256:1")
	set("cluster-dns-operator", "example.org/dns@sha256:2")
	set("cli", "example.org/cli@sha256:1")
	set("prometheus", "example.org/prometheus@sha256:1")
	set("thanos", "example.org/thanos@sha256:1")
	for path, want := range map[string]string{
		dnsPath: `"args":["-v=2","--images=prometheus=example.org/prometheus@sha256:1"],"command":["run","--images=thanos=example.org/thanos@sha256:1"]`, mapPath: `\"other\": \"example.org/cli@sha256:1\"`, mcoPath: `"oc-rebuild/restarted"`,
		versionPath: `{"group":"apps","kind":"Deployment","name":"dns-operator","namespace":"openshift-dns-operator","unmanaged":true}`,
	} {
		if got := s.Get(path); !strings.Contains(got, want) {
			t.Errorf("%s lacks %s: %s", path, want, got)
		}
	}
	entries, err := c.List(ctx)
	if err != nil || len(entries) != 2 || len(entries[0].Components) != 5 ||
		entries[0].Components["coredns"].By != "me" {
		t.Errorf("what is deployed: %+v, %v", entries, err)
	}
	if _, err := c.Restore(ctx, "mco"); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("restoring what is not deployed: %v", err)
	}
	if _, err := c.Restore(ctx, "coredns"); err != nil {
		t.Fatal(err)
	}
	if got := s.Get(dnsPath); strings.Contains(got, "example.org/coredns") ||
		!strings.Contains(got, "example.org/dns@sha256:2") {
		t.Errorf("one of two was taken back: %s", got)
	}
	s.Refuse(1)
	workloads, err := c.Restore(ctx)
	if err != nil || len(workloads) != 2 {
		t.Fatalf("Restore: %v, %v", workloads, err)
	}
	if diff := cmp.Diff(before, s.Get(dnsPath, "spec")); diff != "" {
		t.Errorf("the operator is not as before (-before +after):\n%s", diff)
	}
	if got := s.Get(mapPath); strings.Contains(got, "example.org") || strings.Contains(got, "oc-rebuild") {
		t.Errorf("the ConfigMap is not as before: %s", got)
	}
	if entries, err := c.List(ctx); err != nil || len(entries) > 0 {
		t.Errorf("left: %+v, %v", entries, err)
	}
}

// What somebody else put there since is left.
func TestRestoreLeavesWhatOthersDid(t *testing.T) {
	release, s, c := seed(t)
	ctx := context.Background()
	s.Put(t, versionPath,
		"metadata: {name: version}\nspec: {overrides: [{kind: Deployment, group: apps, namespace: other, name: byhand, unmanaged: true}]}\n")
	if _, err := c.Set(ctx, find(t, release, "coredns"),
		rollout.Record{Image: "example.org/coredns@sha256:1"}); err != nil {
		t.Fatal(err)
	}
	s.Put(t, dnsPath, strings.ReplaceAll(s.Get(dnsPath), `"value":"example.org/coredns@sha256:1"`,
		`"value":"somebody/else"`))
	if _, err := c.Restore(ctx); err != nil {
		t.Fatal(err)
	}
	if got := s.Get(dnsPath); !strings.Contains(got, "somebody/else") {
		t.Errorf("what somebody else did is gone: %s", got)
	}
	entries, err := c.List(ctx)
	if err != nil || len(entries) != 1 || entries[0].Object.Name != "byhand" || !entries[0].Missing {
		t.Errorf("overrides that are left: %+v, %v", entries, err)
	}
}

// An override that was there before stays, whatever was deployed into its object meanwhile.
func TestOverrideByHandStays(t *testing.T) {
	release, s, c := seed(t)
	const overrides = `[{"group":"apps","kind":"Deployment","name":"dns-operator","namespace":"openshift-dns-operator","unmanaged":true}]`
	s.Put(t, versionPath, "metadata: {name: version}\nspec: {overrides: "+overrides+"}\n")
	if _, err := c.Set(t.Context(), find(t, release, "coredns"),
		rollout.Record{Image: "example.org/coredns@sha256:1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.Get(versionPath, "spec", "overrides"); got != overrides {
		t.Errorf("the overrides are %s", got)
	}
}

// cutOff is TestCutOff for one write, and reports whether there are fewer.
func cutOff(t *testing.T, component string, cut int) (all bool) {
	t.Helper()
	release, s, c := seed(t)
	ctx := context.Background()
	state := func() string { return s.Get(dnsPath) + s.Get(mapPath) }
	before := state()
	writes, order := 0, []string(nil)
	s.Before(func(w http.ResponseWriter, request *http.Request) bool {
		if request.Method != http.MethodPut && request.Method != http.MethodPatch {
			return false
		}
		if writes++; writes >= cut && cut > 0 {
			http.Error(w, "gone", http.StatusBadRequest)
			return true
		}
		order = append(order, request.URL.Path)
		return false
	})
	_, err := c.Set(ctx, find(t, release, component), rollout.Record{Image: "example.org/new@sha256:1"})
	if err == nil {
		_, err = c.Restore(ctx)
	}
	if (err == nil) != (writes < cut) {
		t.Fatalf("%s, write %d of %d: %v", component, cut, writes, err)
	}
	if err == nil {
		return true
	}
	was := cut
	cut = 0 // from here on all is well
	entries, err := c.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Restore(ctx, component); err != nil && len(entries) > 0 {
		t.Errorf("%s, after write %d failed: %v", component, was, err)
	}
	if after := state(); strings.Contains(after, "example.org/new") || strings.Contains(after, "oc-rebuild") {
		t.Errorf("%s, after write %d failed:\n%s\nwant\n%s", component, was, after, before)
	}
	var readable []int
	for i, path := range order {
		if path == mapPath {
			readable = append(readable, i)
		}
	}
	if len(readable) > 1 && !slices.Contains(order[readable[1]:], mcoPath) {
		t.Errorf("%s, after write %d failed: what reads the ConfigMap was not restarted: %q", component, was, order)
	}
	if version := s.Get(versionPath); strings.Contains(version, "unmanaged") || strings.Contains(version, "oc-rebuild") {
		t.Errorf("%s, after write %d failed: %s", component, was, version)
	}
	s.Put(t, versionPath, // later, somebody makes one by hand
		"metadata: {name: version}\nspec: {overrides: [{kind: Deployment, group: apps, namespace: openshift-dns-operator, name: dns-operator, unmanaged: true}]}\n")
	if _, err := c.Restore(ctx); err != nil {
		t.Error(err)
	}
	if entries, err := c.List(ctx); err != nil || len(entries) != 1 || entries[0].Unfinished {
		t.Errorf("%s, after write %d failed: what is made by hand is %+v, %v", component, was, entries, err)
	}
	return false
}

func TestRefusals(t *testing.T) {
	release, s, c := seed(t)
	ctx := context.Background()
	for denied, want := range map[string]string{
		"patch clusterversions": "may not patch clusterversion/version",
		"update deployments":    "may not update deployment/dns-operator in openshift-dns-operator",
	} {
		s.Deny(denied)
		if err := c.Check(ctx, find(t, release, "coredns")); fault.KindOf(err) != fault.Unauthorized ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("without %s: %v", denied, err)
		}
	}
	s.Deny()
	if err := c.Check(ctx, find(t, release, "coredns")); err != nil {
		t.Error(err)
	}
	s.Refuse(1000)
	if _, err := c.Set(ctx, find(t, release, "coredns"), rollout.Record{Image: "x"}); err == nil ||
		!strings.Contains(err.Error(), "changed by somebody else 8 times") {
		t.Errorf("conflicts without end: %v", err)
	}
	s.Refuse(0)
	workloads, err := c.Set(ctx, find(t, release, "coredns"), rollout.Record{Image: "example.org/broken@sha256:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(ctx, workloads, time.Millisecond); fault.KindOf(err) != fault.Publish ||
		!strings.Contains(err.Error(),
			"deployment/dns-operator in openshift-dns-operator does not start: pod pod-1: ImagePullBackOff: unauthorized") {
		t.Errorf("an image that cannot be pulled: %v", err)
	}
	s.Delete(dnsPath)
	if err := c.Check(ctx, find(t, release, "coredns")); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("a cluster without the operator: %v", err)
	}
	if _, err := c.Set(ctx, find(t, release, "kube-rbac-proxy"),
		rollout.Record{Image: "x"}); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("deploying on a cluster without the operator: %v", err)
	}
	if _, err := c.Restore(ctx); err != nil {
		t.Errorf("an object that is gone: %v", err)
	}
}

// TestSetOfAnotherRelease deploys with a payload that the cluster does not run: what cannot be put in place leaves no
// override behind, which would keep the cluster from being upgraded.
func TestSetOfAnotherRelease(t *testing.T) {
	release, s, c := seed(t)
	sites := find(t, release, "prometheus")
	sites.Image = "example.org/of-another@sha256:1"
	_, err := c.Set(t.Context(), sites, rollout.Record{Image: "example.org/mine@sha256:1"})
	if err == nil || !strings.Contains(err.Error(), "does not name example.org/of-another@sha256:1 any more") {
		t.Errorf("error %v", err)
	}
	if got := s.Get(versionPath); strings.Contains(got, "unmanaged") {
		t.Errorf("the cluster version is left with %s", got)
	}
}

func TestHosted(t *testing.T) {
	_, s, c := seed(t)
	ctx := context.Background()
	const path = "/apis/hypershift.openshift.io/v1beta1/namespaces/clusters/hostedclusters/mine"
	s.Put(t, path, "metadata: {annotations: {hypershift.openshift.io/image-overrides: 'a=x/a@0,z=x/z@0'}}\n"+
		"spec: {release: {image: example.org/release:1}}\n")
	if release, err := c.HostedRelease(ctx, "clusters/mine"); err != nil || release != "example.org/release:1" {
		t.Errorf("the release is %q, %v", release, err)
	}
	for _, images := range []map[string]string{{"b": "x/b@1"}, {"a": "x/a@1"}, {"b": "x/b@2"}} {
		if err := c.SetHosted(ctx, "clusters/mine", images); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Get(path); !strings.Contains(got, `"hypershift.openshift.io/image-overrides":"a=x/a@1,b=x/b@2,z=x/z@0"`) {
		t.Errorf("the annotation: %s", got)
	}
	if err := c.RestoreHosted(ctx, "clusters/mine", "a"); err != nil {
		t.Fatal(err)
	}
	if err := c.RestoreHosted(ctx, "clusters/mine", "a"); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("what is not there: %v", err)
	}
	if err := c.RestoreHosted(ctx, "clusters/mine"); err != nil {
		t.Fatal(err)
	}
	if got := s.Get(path); !strings.Contains(got, `"hypershift.openshift.io/image-overrides":"a=x/a@0,z=x/z@0"`) ||
		strings.Contains(got, "oc-rebuild.io") {
		t.Errorf("what somebody else had put there: %s", got)
	}
	if err := c.RestoreHosted(ctx, "clusters/mine", "z"); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("somebody else's: %v", err)
	}
	for _, name := range []string{"mine", "/mine", "a/b/c", "a/../b"} {
		if err := c.SetHosted(ctx, name, nil); fault.KindOf(err) != fault.Usage {
			t.Errorf("%q: %v", name, err)
		}
	}
}
