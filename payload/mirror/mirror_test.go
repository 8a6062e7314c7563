package mirror_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/mirror"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

var when = time.Date(2023, 1, 12, 18, 29, 52, 0, time.UTC)

func seed(t *testing.T) (*payloadtest.Registry, *payload.Release) {
	t.Helper()
	r := payloadtest.NewRegistry(t)
	list := payloadtest.Image{Created: when, Layers: []map[string]string{{"multi": "arch"}}}.Build(t)
	multi := r.PushIndex(t, "test/other", "multi",
		map[string]v1.Image{"linux/amd64": list, "linux/arm64": payloadtest.ForArch(t, list, "arm64")})
	seeded := r.Seed(t, payloadtest.Release{Name: "4.12.0", Created: when, Components: []payloadtest.Component{
		{Name: "cli"}, {Name: "cluster-version-operator",
			Manifests: map[string]string{"0000_00_x.yaml": "kind: A\napiVersion: v1\n"}},
		{Name: "multi", Pushed: multi},
	}})
	return r, open(t, seeded.PullSpec)
}

func open(t *testing.T, spec string) *payload.Release {
	t.Helper()
	release, err := payload.Open(context.Background(), payloadtest.Client(t), spec)
	if err != nil {
		t.Fatal(err)
	}
	return release
}

func registries(t *testing.T) *mirror.Registries {
	t.Helper()
	r := mirror.NewRegistries(payloadtest.Client(t))
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func plan(t *testing.T, r mirror.Request) []mirror.Item {
	t.Helper()
	items, err := r.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return items
}

// readable checks that every image of the release can be read in a repository by its digest.
func readable(t *testing.T, release *payload.Release, repository string) {
	t.Helper()
	for _, component := range release.Components() {
		_, digest, _ := strings.Cut(component.Image, "@")
		for _, platform := range []string{"linux/amd64", "linux/arm64"} {
			client := payloadtest.ClientFor(t, platform)
			image, err := client.Image(context.Background(), repository+"@"+digest)
			if err == nil {
				for _, layer := range image.Layers {
					if err = image.Layer(context.Background(), layer, 1<<30,
						func(r io.Reader) error { return nil }); err != nil {
						break
					}
				}
			}
			if err != nil {
				t.Errorf("%s for %s: %v", component.Name, platform, err)
			}
		}
	}
}

// TestAnotherRegistry copies to another registry, twice: the second time nothing is sent.
func TestAnotherRegistry(t *testing.T) {
	_, release := seed(t)
	other := payloadtest.NewRegistry(t)
	items := plan(t, mirror.Request{Release: release, Repository: other.Host + "/my/mirror"})
	first, err := mirror.Copy(context.Background(), registries(t), registries(t), items, 0, nil)
	if err != nil || first.Copied != 4 || first.Bytes == 0 {
		t.Fatalf("Copy: %+v, %v", first, err)
	}
	readable(t, release, other.Host+"/my/mirror")
	if got := open(t, other.Host+"/my/mirror:4.12.0-x86_64"); got.Digest != release.Digest {
		t.Errorf("the release is %s, not %s", got.Digest, release.Digest)
	}
	other.Reset()
	second, err := mirror.Copy(context.Background(), registries(t), registries(t), items, 0, nil)
	if err != nil || second != (mirror.Result{Present: 4}) {
		t.Errorf("the second Copy: %+v, %v", second, err)
	}
	requests, _ := other.Reset()
	for _, request := range requests {
		if !strings.HasPrefix(request, "GET /v2/") && !strings.HasPrefix(request, "HEAD ") {
			t.Errorf("the second copy sent %s", request)
		}
	}
}

// TestResume breaks a copy at each of its first requests; the next one goes on, and what was there is not sent again.
// The release can be opened only when all that it names is there.
func TestResume(t *testing.T) {
	_, release := seed(t)
	other := payloadtest.NewRegistry(t)
	items := plan(t, mirror.Request{Release: release, Repository: other.Host + "/my/mirror"})
	broken := 0
	for nth := int64(3); ; nth += 7 {
		var count atomic.Int64
		other.Fail(func(w http.ResponseWriter, r *http.Request) bool {
			if count.Add(1) < nth {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			return true
		})
		_, err := mirror.Copy(context.Background(), registries(t), registries(t), items, 1, nil)
		other.Fail(nil)
		if err == nil {
			break
		}
		broken++
		if fault.KindOf(err) != fault.Unauthorized {
			t.Errorf("after %d requests: kind %d, %v", nth, fault.KindOf(err), err)
		}
		if got, err := payload.Open(context.Background(), payloadtest.Client(t),
			other.Host+"/my/mirror:4.12.0-x86_64"); fault.KindOf(err) != fault.Unresolved {
			t.Errorf("after %d requests the release is there: %v, %v", nth, got, err)
		}
	}
	if broken < 3 {
		t.Errorf("%d copies broke", broken)
	}
	readable(t, release, other.Host+"/my/mirror")
}

// TestSharedLayersAreReadOnce copies images that share a layer, all at once, from a registry that answers slowly.
func TestSharedLayersAreReadOnce(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	var items []mirror.Item
	for n := range 12 {
		name := fmt.Sprintf("component%d", n)
		spec := r.Push(t, "test/images", name, payloadtest.Image{Created: when,
			Layers: []map[string]string{{"shared": "base"}, {"own": name}}}.Build(t))
		_, sum := registry.SplitDigest(spec)
		items = append(items, mirror.Item{Component: name, From: spec, Digest: sum,
			To: "localhost/" + mirror.DirectoryRepository + ":" + name})
	}
	directory, err := mirror.OpenDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	r.Fail(func(_ http.ResponseWriter, request *http.Request) bool {
		if strings.Contains(request.URL.Path, "/blobs/") {
			time.Sleep(50 * time.Millisecond)
		}
		return false
	})
	r.Reset()
	if _, err := mirror.Copy(context.Background(), registries(t), directory, items, 12, nil); err != nil {
		t.Fatal(err)
	}
	requests, _ := r.Reset()
	times := map[string]int{}
	for _, request := range requests {
		if times[request]++; times[request] == 2 && strings.Contains(request, "/blobs/") {
			t.Errorf("again: %s", request)
		}
	}
}

func TestPlan(t *testing.T) {
	_, release := seed(t)
	tags := func(items []mirror.Item) (all []string) {
		for _, item := range items {
			all = append(all, item.To)
		}
		return all
	}
	tests := []struct {
		request mirror.Request
		want    []string
	}{
		{mirror.Request{Repository: "q.io/a/b"},
			[]string{"q.io/a/b:4.12.0-x86_64-cli", "q.io/a/b:4.12.0-x86_64-cluster-version-operator",
				"q.io/a/b:4.12.0-x86_64-multi",
				"q.io/a/b:4.12.0-x86_64"}},
		{mirror.Request{Repository: "q.io:1/a:${version}-${component}", SkipRelease: true},
			[]string{"q.io:1/a:4.12.0-cli", "q.io:1/a:4.12.0-cluster-version-operator", "q.io:1/a:4.12.0-multi"}},
		{mirror.Request{Repository: "q.io/a:${component}", ReleaseImage: "q.io/release:x"},
			[]string{"q.io/a:cli", "q.io/a:cluster-version-operator", "q.io/a:multi", "q.io/release:x"}},
		{mirror.Request{Repository: "q.io/a:${component}", ReleaseImage: "q.io/release"},
			[]string{"q.io/a:cli", "q.io/a:cluster-version-operator", "q.io/a:multi", "q.io/release:4.12.0-x86_64"}},
	}
	for _, test := range tests {
		test.request.Release = release
		if diff := cmp.Diff(test.want, tags(plan(t, test.request))); diff != "" {
			t.Errorf("Plan for %s (-want +got):\n%s", test.request.Repository, diff)
		}
	}
	for _, to := range []string{"docker://q.io/a:x", "oci:dir:x", "q.io/a@" + release.Digest.String()} {
		request := mirror.Request{Release: release, Repository: "q.io/a", ReleaseImage: to}
		if _, err := request.Plan(); fault.KindOf(err) != fault.Usage {
			t.Errorf("Plan with the release image at %q: %v", to, err)
		}
	}
	for _, to := range []string{"x", "docker://q.io/a", "q.io/a:tag", "q.io/${component}", "q.io/a@" + release.Digest.String()} {
		if _, err := (mirror.Request{Release: release, Repository: to}).Plan(); fault.KindOf(err) != fault.Usage {
			t.Errorf("Plan for %s: %v, want a usage error", to, err)
		}
	}
}

func TestRules(t *testing.T) {
	items := []mirror.Item{{From: "q.io/z@sha256:1", To: "m.io/a:1"}, {From: "q.io/a@sha256:2", To: "m.io/a:2"},
		{From: "q.io/z@sha256:3", To: "m.io/b:3"}}
	rules := mirror.Sources(items)
	slices.Reverse(items)
	if diff := cmp.Diff(rules, mirror.Sources(items)); diff != "" {
		t.Errorf("the rules depend on the order of the images:\n%s", diff)
	}
	text, err := mirror.DigestMirrorSet(rules)
	want := "apiVersion: config.openshift.io/v1\nkind: ImageDigestMirrorSet\nmetadata:\n  name: example\nspec:\n  imageDigestMirrors:\n" +
		"  - mirrors:\n    - m.io/a\n    source: q.io/a\n  - mirrors:\n    - m.io/a\n    - m.io/b\n    source: q.io/z\n"
	if diff := cmp.Diff(want, text); err != nil || diff != "" {
		t.Errorf("DigestMirrorSet: %v (-want +got):\n%s", err, diff)
	}
	for text, want := range map[string]string{must(t)(mirror.ContentSourcePolicy(rules)): "repositoryDigestMirrors",
		must(t)(mirror.InstallConfig(rules, true)):  "imageDigestSources",
		must(t)(mirror.InstallConfig(rules, false)): "imageContentSources"} {
		if !strings.Contains(text, want+":\n") {
			t.Errorf("%s is missing:\n%s", want, text)
		}
	}
}

func must(t *testing.T) func(string, error) string {
	t.Helper()
	return func(text string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}
