package payload_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

func assemble(t *testing.T, release *payload.Release, changes []payload.Change,
	o payload.AssembleOptions) *payload.Assembly {
	t.Helper()
	assembly, err := payload.Assemble(context.Background(), payloadtest.Client(t), release, changes, o)
	if err != nil {
		t.Fatalf("Assemble: %v", err)
	}
	return assembly
}

// contents returns the files of an assembly as text.
func contents(assembly *payload.Assembly) map[string]string {
	got := map[string]string{}
	for _, file := range assembly.Files() {
		got[file.Name] = string(file.Data)
	}
	return got
}

// TestSourcesAgree makes the same release of an old release, of an image stream, of mappings and of a directory.
func TestSourcesAgree(t *testing.T) {
	r, seeded := seedSmall(t)
	old := open(t, seeded.PullSpec)
	stream, err := payload.FromStream([]byte(seeded.Files["image-references"]), payload.Public)
	if err != nil {
		t.Fatal(err)
	}
	var mappings []payload.Change
	directory := fstest.MapFS{"image-references": {Data: []byte(seeded.Files["image-references"])}}
	for _, c := range small().Components {
		mappings = append(mappings, payload.Change{Component: c.Name, Image: seeded.Images[c.Name]})
		for name, text := range c.Image(when).Layers[len(c.Image(when).Layers)-1] {
			if name, ok := strings.CutPrefix(name, "manifests/"); ok {
				directory[c.Name+"/"+name] = &fstest.MapFile{Data: []byte(text)}
			}
		}
	}
	local, err := payload.FromDirectory(directory)
	if err != nil {
		t.Fatal(err)
	}
	for name, assembly := range map[string]*payload.Assembly{
		"release":   assemble(t, old, nil, payload.AssembleOptions{Method: payload.Full}),
		"stream":    assemble(t, stream, nil, payload.AssembleOptions{Name: "4.12.0"}),
		"mappings":  assemble(t, payload.FromNothing(), mappings, payload.AssembleOptions{Name: "4.12.0"}),
		"directory": assemble(t, local, nil, payload.AssembleOptions{}),
	} {
		got, want := contents(assembly), maps.Clone(seeded.Files)
		if name == "stream" || name == "mappings" { // they have no history
			want["image-references"] = got["image-references"]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("from %s (-want +got):\n%s", name, diff)
		}
		if pushed, err := assembly.Push(context.Background(), payloadtest.Client(t),
			r.Host+"/me/from:"+name); err != nil {
			t.Errorf("pushing from %s: %v", name, err)
		} else if n := len(open(t, pushed.Image).Components()); n != 6 {
			t.Errorf("from %s: %d components", name, n)
		}
	}
}

func TestStreamOfACluster(t *testing.T) {
	digest := func(n int) string { return fmt.Sprintf("sha256:%064d", n) }
	stream := `{"kind":"ImageStream","apiVersion":"image.openshift.io/v1","metadata":{"name":"4.12","namespace":"ocp"},
	"spec":{"tags":[{"name":"a","from":{"kind":"DockerImage","name":"quay.io/x/a@` + digest(1) + `"}},{"name":"b","from":{"kind":"DockerImage","name":"quay.io/x/b:latest"}}]},
	"status":{"dockerImageRepository":"registry.svc:5000/ocp/4.12","publicDockerImageRepository":"registry.example/ocp/4.12","tags":[
	{"tag":"b","items":[{"dockerImageReference":"quay.io/x/b@` + digest(2) + `","image":"` + digest(2) + `","generation":1}]},
	{"tag":"c","items":[{"dockerImageReference":"registry.svc:5000/ocp/4.12@` + digest(3) + `","image":"` + digest(3) + `","generation":1}]}]}}`
	tests := []struct {
		mode payload.ReferenceMode
		want string
	}{
		{payload.Public, "a=registry.example/ocp/4.12@1 b=registry.example/ocp/4.12@2 c=registry.example/ocp/4.12@3"},
		{payload.Source, "a=quay.io/x/a@1 b=quay.io/x/b@2 c=registry.example/ocp/4.12@3"},
	}
	for _, test := range tests {
		release, err := payload.FromStream([]byte(stream), test.mode)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range release.Components() {
			got = append(got, c.Name+"="+strings.NewReplacer("sha256:"+strings.Repeat("0", 63), "").Replace(c.Image))
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("mode %s: %s, want %s", test.mode, text, test.want)
		}
	}
	private := strings.Replace(stream, `"publicDockerImageRepository":"registry.example/ocp/4.12",`, "", 1)
	if _, err := payload.FromStream([]byte(private), payload.Public); fault.KindOf(err) != fault.Unresolved ||
		!strings.Contains(err.Error(), "public image repositories") {
		t.Errorf("a stream without a public repository: %v", err)
	}
}

func TestOptions(t *testing.T) {
	_, seeded := seedSmall(t)
	old := open(t, seeded.PullSpec)
	got := contents(assemble(t, old, nil, payload.AssembleOptions{Name: "4.12.0-mine.1",
		Previous: []string{"4.11.9", "4.11.10"},
		Next:     []string{"4.12.1"},
		Metadata: map[string]any{"url": "https://example.org"}, Versions: "machine-os=412.86.1",
		DisplayNames: "machine-os=My OS"}))
	for name, want := range map[string]string{
		"0000_80_mco.yaml": "version: 4.12.0-mine.1\n",
		"image-references": `"io.openshift.build.versions": "machine-os=412.86.1"`,
		"release-metadata": `"previous": [
    "4.11.10",
    "4.11.9"
  ],
  "next": [
    "4.12.1"
  ],
  "metadata": {
    "url": "https://example.org"
  }`} {
		if !strings.Contains(got[name], want) {
			t.Errorf("%s lacks %q:\n%s", name, want, got[name])
		}
	}
	edges := assemble(t, old, nil, payload.AssembleOptions{Previous: []string{"4.11.9"}})
	if edges.Method != payload.Delta || !strings.Contains(contents(edges)["release-metadata"], "4.11.9") {
		t.Errorf("upgrade edges alone: %s (%s)", edges.Method, edges.Reason)
	}
	moved := contents(assemble(t, old, nil, payload.AssembleOptions{Repository: "registry.example/all"}))
	_, digest, _ := strings.Cut(seeded.Images["cli"], "@")
	if !strings.Contains(moved["0000_80_mco.yaml"], `"registry.example/all@`+digest+`"`) {
		t.Errorf("pull specs in another repository:\n%s", moved["0000_80_mco.yaml"])
	}
	for _, o := range []payload.AssembleOptions{{Name: "../x"}, {Name: "4.12.0\n"}, {Previous: []string{"x"}},
		{Versions: "a b"}} {
		if _, err := payload.Assemble(context.Background(), payloadtest.Client(t), old, nil,
			o); fault.KindOf(err) != fault.Usage {
			t.Errorf("Assemble with %+v: %v, want a usage error", o, err)
		}
	}
	_, err := payload.Assemble(context.Background(), payloadtest.Client(t), old, nil,
		payload.AssembleOptions{Exclude: []string{"cli"}})
	if err == nil || !strings.Contains(err.Error(), `no input image tag named "cli"`) {
		t.Errorf("excluding what an operator names: %v", err)
	}
	without := contents(assemble(t, old, nil, payload.AssembleOptions{Exclude: []string{"cli"}, AllowMissing: true}))
	if !strings.Contains(without["0000_80_mco.yaml"], payloadtest.Placeholder("cli")) {
		t.Errorf("the name of a missing image does not stay:\n%s", without["0000_80_mco.yaml"])
	}
}

func TestIncludeKeepsAnUnreferencedImage(t *testing.T) {
	r, seeded := seedSmall(t)
	image := r.Push(t, "me/components", "extra",
		payloadtest.Image{Created: when, Layers: []map[string]string{{"x": "y"}}}.Build(t))
	assembly := assemble(t, open(t, seeded.PullSpec), []payload.Change{{Component: "extra", Image: image}},
		payload.AssembleOptions{Include: []string{"extra"}})
	if !strings.Contains(contents(assembly)["image-references"], image) {
		t.Error("the included image is not in image-references")
	}
}

// TestManifestListIsKept seeds a release as a list for two architectures; with KeepList both get the new layer.
func TestManifestListIsKept(t *testing.T) {
	r, seeded := seedSmall(t)
	amd := r.Pull(t, seeded.PullSpec)
	list := r.PushIndex(t, "test/release", "multi",
		map[string]v1.Image{"linux/amd64": amd, "linux/arm64": payloadtest.ForArch(t, amd, "arm64")})
	release := open(t, list)
	if release.ListDigest == "" || release.PullSpec != list {
		t.Fatalf("opened %s with list %q", release.PullSpec, release.ListDigest)
	}
	client := payloadtest.Client(t)
	change := rebuilt(t, r, component(t, "coredns"))
	pushed, err := assemble(t, release, []payload.Change{change},
		payload.AssembleOptions{KeepList: true}).Push(context.Background(),
		client, r.Host+"/me/release:multi")
	if err != nil {
		t.Fatal(err)
	}
	got := open(t, pushed.Image)
	if len(got.Image.List) != 2 || pushed.Digest != got.ListDigest {
		t.Fatalf("pushed %s, a list of %d images", pushed.Image, len(got.Image.List))
	}
	for _, instance := range got.Image.List {
		its := payloadtest.ClientFor(t, instance.Platform.String())
		child, err := payload.Open(t.Context(), its, r.Host+"/me/release@"+instance.Digest.String())
		if err != nil {
			t.Fatal(err)
		}
		if c, err := child.Component("coredns"); err != nil || c.Image != change.Image ||
			child.Image.Config.Architecture != instance.Platform.Architecture {
			t.Errorf("for %s: %+v of architecture %s, %v", instance.Platform, c, child.Image.Config.Architecture, err)
		}
	}
	same, err := assemble(t, release, nil, payload.AssembleOptions{KeepList: true}).Push(context.Background(), client,
		r.Host+"/me/release:same")
	if err != nil || same.Digest != release.ListDigest {
		t.Errorf("an unchanged list has digest %s, not %s (%v)", same.Digest, release.ListDigest, err)
	}
}

func TestWriteFiles(t *testing.T) {
	_, seeded := seedSmall(t)
	assembly := assemble(t, open(t, seeded.PullSpec), nil, payload.AssembleOptions{})
	directory := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Symlink(outside, filepath.Join(directory, "release-metadata")); err != nil {
		t.Fatal(err)
	}
	if err := assembly.WriteFiles(directory); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(outside); err == nil {
		t.Error("a link that leads out of the directory was followed")
	}
	if info, err := os.Lstat(filepath.Join(directory, "release-metadata")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("release-metadata did not take the place of the link: %v, %v", info, err)
	}
	var references map[string]any
	data, err := os.ReadFile(filepath.Join(directory, "image-references"))
	if err != nil || json.Unmarshal(data, &references) != nil {
		t.Errorf("image-references was not written: %v", err)
	}
	info, err := os.Stat(filepath.Join(directory, "0000_80_mco.yaml"))
	if err != nil || !info.ModTime().Equal(when) {
		t.Errorf("0000_80_mco.yaml: %v, %v", info, err)
	}
}

func TestParseMappings(t *testing.T) {
	got, err := payload.ParseMappings(strings.NewReader("# comment\na=quay.io/x/a:1 b=quay.io/x/b:2\n\nc=quay.io/x/c:3 # more\n"))
	want := []payload.Change{{Component: "a", Image: "quay.io/x/a:1"}, {Component: "b", Image: "quay.io/x/b:2"},
		{Component: "c", Image: "quay.io/x/c:3"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("ParseMappings: %v (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{"a", "=quay.io/x", "a=x", "a=oci:/x"} {
		if _, err := payload.ParseMappings(strings.NewReader(text)); fault.KindOf(err) != fault.Usage {
			t.Errorf("ParseMappings(%q): %v, want a usage error", text, err)
		}
	}
}

// A file that cannot be written leaves what stood in the directory, and nothing else.
func TestWriteFilesAllOrNone(t *testing.T) {
	directory := t.TempDir()
	old := payload.File{Name: "a.yaml", Data: []byte("old")}
	if err := payload.WriteFiles(directory, []payload.File{old}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{strings.Repeat("x", 300), "../outside", "b/c", ""} {
		err := payload.WriteFiles(directory, []payload.File{{Name: "a.yaml", Data: []byte("new")}, {Name: name}})
		if err == nil {
			t.Fatalf("a file of the name %q was written", name)
		}
		entries, _ := os.ReadDir(directory)
		data, _ := os.ReadFile(filepath.Join(directory, "a.yaml"))
		if len(entries) != 1 || string(data) != "old" {
			t.Errorf("%q: %d entries are left, a.yaml is %q", name, len(entries), data)
		}
	}
}
