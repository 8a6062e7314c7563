package payload_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// references is an image-references with one tag.
func references(name, spec, annotations string) string {
	return `{"kind":"ImageStream","apiVersion":"image.openshift.io/v1","metadata":{"name":"4.12.0"},"spec":{"tags":[{"name":"` + name +
		`","annotations":{` + annotations + `},"from":{"kind":"DockerImage","name":"` + spec + `"}}]}}`
}

const goodSpec = "quay.io/x/y@sha256:f30638f60452062aba36a26ee6c036feead2f03b28f2c47f2b0a991e4182331e"

// openLayer opens a release whose layer has the given entries; files have the content for their name.
func openLayer(t *testing.T, r *payloadtest.Registry, headers []tar.Header,
	content map[string]string) (*payload.Release, error) {
	t.Helper()
	image := payloadtest.Layered(t, payloadtest.Tar(t, headers, content))
	return payload.Open(context.Background(), payloadtest.Client(t), r.Push(t, "evil/release", "x", image))
}

func file(name string, size int) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o444, Size: int64(size)}
}

func TestHostileReferences(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	tests := map[string]struct{ text, message string }{
		"not json":       {"{", "unexpected end"},
		"deep":           {strings.Repeat(`{"a":`, 100_000), "depth"},
		"another kind":   {`{"kind":"Secret","apiVersion":"v1"}`, `kind "Secret"`},
		"text behind it": {references("a", goodSpec, "") + "x", "after top-level value"},
		"many tags": {`{"kind":"ImageStream","apiVersion":"image.openshift.io/v1","spec":{"tags":[` +
			strings.Repeat(`{"name":"a"},`, 200_000) + `{"name":"a"}]}}`, "more than 10000"},
		"too large":          {strings.Repeat(" ", 17<<20), "more than"},
		"the same tag twice": {strings.Replace(references("a", goodSpec, ""), `}]}}`, `},{"name":"a"}]}}`, 1), "twice"},
		"a tag with ..":      {references("../a", goodSpec, ""), "not a name"},
		"no digest": {references("a", "quay.io/x/y:latest", ""),
			`tag "a": "quay.io/x/y:latest" does not name an image by digest`},
		"a path as digest": {references("a", "quay.io/x@sha256:../../x", ""), `tag "a"`},
		"a short digest":   {references("a", goodSpec[:len(goodSpec)-1], ""), `tag "a"`},
		"a port too high":  {references("a", "host:99999/x@sha256:"+strings.Repeat("a", 64), ""), "not a port"},
		"a password":       {references("a", "http://user:pw@evil/x", ""), `tag "a"`},
		"a file":           {references("a", "docker-archive:/etc/shadow", ""), `tag "a"`},
		"a homograph":      {references("a", strings.Replace(goodSpec, "quay", "quаy", 1), ""), `tag "a"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			started := time.Now()
			_, err := openLayer(t, r, []tar.Header{file("release-manifests/image-references", len(test.text))},
				map[string]string{"release-manifests/image-references": test.text})
			if err == nil || !strings.Contains(err.Error(), test.message) {
				t.Errorf("Open: %v, want an error with %q", err, test.message)
			}
			if took := time.Since(started); took > 10*time.Second {
				t.Errorf("refusing took %s", took)
			}
			if fault.KindOf(err) != fault.Unresolved {
				t.Errorf("class %d", fault.KindOf(err))
			}
		})
	}
}

// TestHostileSources opens a release that says where the source of a component is, in ways that git must never be
// handed.
func TestHostileSources(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	for _, source := range []string{"ext::sh -c touch% /tmp/pwn", "file:///etc", "--upload-pack=/tmp/x",
		"-oProxyCommand=x",
		"ssh://-oProxyCommand=x/y",
		"git@host:$(id)", "https://github.com@evil.example/openshift/x", "https://user:pw@github.com/openshift/x",
		"https://github.com/openshift/../evil",
		"https://github.com/openshift/x\\n", "http://169.254.169.254/", "https://169.254.169.254/x",
		"http://github.com/openshift/x",
		"https://github.com/",
		"https://github.com/openshift/x?y", "https://github.com/openshift/%2e%2e/x", "ssh://root@host/x",
		"https:///x", "https://-x/y",
		"https://github.com/-x"} {
		text := references("a", goodSpec,
			`"io.openshift.build.source-location":"`+strings.ReplaceAll(source, `\\`, `\`)+`"`)
		release, err := openLayer(t, r, []tar.Header{file("release-manifests/image-references", len(text))},
			map[string]string{"release-manifests/image-references": text})
		if err != nil {
			t.Errorf("Open with source %q: %v", source, err)
			continue
		}
		if c := release.Components()[0]; c.Source != "" || c.Problem == "" || len(release.Warnings) == 0 ||
			strings.ContainsAny(c.Problem, "\n\r\x1b") {
			t.Errorf("source %q was taken as %q (problem %q)", source, c.Source, c.Problem)
		}
	}
	for _, id := range []string{"--help", "main", "HEAD^{/x}", strings.Repeat("a", 39), strings.Repeat("a", 41),
		strings.Repeat("A", 40)} {
		text := references("a", goodSpec, `"io.openshift.build.commit.id":"`+id+`"`)
		release, err := openLayer(t, r, []tar.Header{file("release-manifests/image-references", len(text))},
			map[string]string{"release-manifests/image-references": text})
		if err != nil || release.Components()[0].Commit != "" || release.Components()[0].Problem == "" {
			t.Errorf("commit %q was taken: %v", id, err)
		}
	}
	for source, want := range map[string]string{"https://github.com/openshift/oc": "",
		"https://github.com/openshift/oc/":  "https://github.com/openshift/oc",
		"git@github.com:openshift/oc.git":   "https://github.com/openshift/oc.git",
		"ssh://git@host.example:2222/a/b":   "",
		"https://gitlab.example:8443/a/b/c": ""} {
		text := references("a", goodSpec, `"io.openshift.build.source-location":"`+source+`"`)
		release, err := openLayer(t, r, []tar.Header{file("release-manifests/image-references", len(text))},
			map[string]string{"release-manifests/image-references": text})
		if want == "" {
			want = source
		}
		if err != nil || release.Components()[0].Source != want {
			t.Errorf("source %q: %v, %+v, want %q", source, err, release.Components()[0], want)
		}
	}
}

// TestHostileLayers opens releases whose layer holds what a release layer never has. None of it becomes a file of the
// release.
func TestHostileLayers(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	good := references("a", goodSpec, "")
	content := map[string]string{"release-manifests/image-references": good}
	first := file("release-manifests/image-references", len(good))
	for _, header := range []tar.Header{
		{Name: "../x", Typeflag: tar.TypeReg}, {Name: "/release-manifests/x", Typeflag: tar.TypeReg},
		{Name: "release-manifests/../../x", Typeflag: tar.TypeReg},
		{Name: "release-manifests/link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "release-manifests/link", Typeflag: tar.TypeLink, Linkname: "../x"},
		{Name: "release-manifests/dev", Typeflag: tar.TypeChar},
		{Name: "release-manifests/fifo", Typeflag: tar.TypeFifo},
		{Name: "release-manifests/.wh.image-references", Typeflag: tar.TypeReg},
		{Name: "release-manifests/a\x1b[2Jb", Typeflag: tar.TypeReg},
		{Name: "release-manifests/a\nb", Typeflag: tar.TypeReg}, {Name: "release-manifests/d/e", Typeflag: tar.TypeReg},
	} {
		release, err := openLayer(t, r, []tar.Header{first, header}, content)
		if err != nil {
			t.Errorf("Open with %q: %v", header.Name, err)
			continue
		}
		if got := release.Manifests(); len(got) != 0 {
			t.Errorf("%q became the file %q of the release", header.Name, got[0].Name)
		}
	}
	if _, err := openLayer(t, r, []tar.Header{first, first}, content); err == nil ||
		!strings.Contains(err.Error(), "twice") {
		t.Errorf("two image-references: %v", err)
	}
	for _, name := range []string{"./release-manifests/image-references", "/release-manifests/image-references",
		"release-manifests//image-references",
		"release-manifests/x/../image-references", "release-manifests/./release-metadata"} {
		header := file(name, len(good))
		_, err := openLayer(t, r, []tar.Header{first, header}, map[string]string{first.Name: good, name: good})
		if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), "others take for") {
			t.Errorf("a second image-references %q: %v", name, err)
		}
	}
	if _, err := openLayer(t, r, nil, nil); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("an image that is no release: %v", err)
	}
}

// TestBombs opens releases whose layer is small as it is sent and huge when it is not compressed.
func TestBombs(t *testing.T) {
	r := payloadtest.NewRegistry(t)
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	header := tar.Header{Name: "usr/zero", Typeflag: tar.TypeReg, Size: 1 << 30}
	plain := tar.NewWriter(w)
	if err := plain.WriteHeader(&header); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 300 {
		if _, err := plain.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	image := payloadtest.Compressed(t, compressed.Bytes())
	_, err := payload.Open(context.Background(), payloadtest.Client(t), r.Push(t, "evil/release", "bomb", image))
	if err == nil || !strings.Contains(err.Error(), "bytes uncompressed") {
		t.Errorf("Open of a bomb: %v", err)
	}
	truncated := payloadtest.Compressed(t, compressed.Bytes()[:compressed.Len()/2])
	if _, err = payload.Open(context.Background(), payloadtest.Client(t),
		r.Push(t, "evil/release", "half", truncated)); err == nil {
		t.Error("a truncated layer was read")
	}
}

// TestFailedPushLeavesNoTag makes each request of a push fail for good, one after the other: the error is one of
// publishing, and the tag is there only if everything was.
func TestFailedPushLeavesNoTag(t *testing.T) {
	r, seeded := seedSmall(t)
	release := open(t, seeded.PullSpec)
	change := rebuilt(t, r, component(t, "coredns"))
	for nth := int64(1); ; nth++ {
		client := payloadtest.Client(t)
		assembly, err := payload.Assemble(context.Background(), client, release, []payload.Change{change},
			payload.AssembleOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var count atomic.Int64
		r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
			if count.Add(1) < nth {
				return false
			}
			w.WriteHeader(http.StatusInternalServerError)
			return true
		})
		repository := fmt.Sprintf("%s/me/failed%d", r.Host, nth)
		_, err = assembly.Push(context.Background(), client, repository+":tag")
		failed := count.Load() >= nth
		r.Fail(nil)
		if !failed {
			if err != nil {
				t.Errorf("a push without failures: %v", err)
			}
			return
		}
		if fault.KindOf(err) != fault.Publish || !strings.Contains(err.Error(), fmt.Sprintf("me/failed%d", nth)) {
			t.Errorf("request %d failed: kind %d, %v", nth, fault.KindOf(err), err)
		}
		if got, err := payload.Open(context.Background(), payloadtest.Client(t), repository+":tag"); err == nil {
			if _, err := got.File("release-metadata"); err != nil {
				t.Errorf("after the failure of request %d the tag names an incomplete release: %v", nth, err)
			}
		} else if fault.KindOf(err) != fault.Unresolved {
			t.Errorf("after the failure of request %d the tag names something that cannot be read: %v", nth, err)
		}
	}
}

// TestTagIsVerified moves the tag to another image while it is being pushed.
func TestTagIsVerified(t *testing.T) {
	r, seeded := seedSmall(t)
	assembly := assemble(t, open(t, seeded.PullSpec), []payload.Change{rebuilt(t, r, component(t, "coredns"))},
		payload.AssembleOptions{})
	r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
		if request.Method != http.MethodHead || !strings.HasSuffix(request.URL.Path, "/manifests/new") {
			return false
		}
		w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("12", 32))
		w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
		return true
	})
	_, err := assembly.Push(context.Background(), payloadtest.Client(t), r.Host+"/me/release:new")
	if fault.KindOf(err) != fault.Publish || !strings.Contains(err.Error(), "the tag now names sha256:1212") {
		t.Errorf("Push: %v", err)
	}
}

// TestRebase replaces the cluster-version-operator: the release image is then built on the new one.
func TestRebase(t *testing.T) {
	r, seeded := seedSmall(t)
	change := rebuilt(t, r, component(t, "cluster-version-operator"))
	client := payloadtest.Client(t)
	pushed, err := assemble(t, open(t, seeded.PullSpec), []payload.Change{change},
		payload.AssembleOptions{}).Push(context.Background(), client, r.Host+"/me/release:cvo")
	if err != nil {
		t.Fatal(err)
	}
	base, err := client.Image(context.Background(), change.Image)
	if err != nil {
		t.Fatal(err)
	}
	got := open(t, pushed.Image).Image
	if got.Config.Config.Labels["io.openshift.release.base-image-digest"] != base.Digest.String() {
		t.Errorf("the base is %s, want %s",
			got.Config.Config.Labels["io.openshift.release.base-image-digest"], base.Digest)
	}
	if len(got.Layers) != len(base.Layers)+1 || got.Layers[1].Digest != base.Layers[1].Digest {
		t.Errorf("the layers are not those of the new cluster-version-operator and one more")
	}
}

// FuzzOperator renders an operator's manifests from hostile image-references and text: it must end, and touch nothing
// but names and versions.
func FuzzOperator(f *testing.F) {
	f.Add("kind: ImageStream\napiVersion: image.openshift.io/v1\nspec:\n  tags:\n  - {name: cli, from: {kind: DockerImage, name: x/y}}\n", "image: x/y:latest 0.0.1-snapshot")
	f.Add("{}", "0.0.1-snapshot-")
	f.Add("kind: ImageStream\napiVersion: image.openshift.io/v1\nspec: {tags: [{name: cli, from: {kind: DockerImage, name: '('}}]}", "a ( b")
	f.Fuzz(func(t *testing.T, stream, text string) {
		fuzzing.Case(t)
		payload.RenderForTest(stream, text)
	})
}

// FuzzOpen reads hostile release layers.
func FuzzOpen(f *testing.F) {
	good := references("a", goodSpec, "")
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	header := file("release-manifests/image-references", len(good))
	if err := w.WriteHeader(&header); err != nil {
		f.Fatal(err)
	}
	if _, err := w.Write([]byte(good)); err != nil {
		f.Fatal(err)
	}
	if err := w.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(layer.Bytes(), []byte(good))
	f.Add([]byte("x"), []byte(`{"kind":"cincinnati-metadata-v0","version":"1.2.3"}`))
	f.Fuzz(func(t *testing.T, layer, text []byte) {
		fuzzing.Case(t)
		for name := range maps.All(payload.ReadForTest(t, layer, text)) {
			if strings.ContainsAny(name, "/\x00\x1b\n") {
				t.Errorf("the release has a file %q", name)
			}
		}
	})
}
