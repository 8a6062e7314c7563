package mirror_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/mirror"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// TestThroughADirectory copies to a directory and from there to another registry.
func TestThroughADirectory(t *testing.T) {
	_, release := seed(t)
	name := t.TempDir()
	directory, err := mirror.OpenDirectory(name)
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	items := plan(t, mirror.Request{Release: release, Repository: "localhost/" + mirror.DirectoryRepository})
	for n := range 2 {
		result, err := mirror.Copy(context.Background(), registries(t), directory, items, 0, nil)
		if err != nil || n == 1 && result != (mirror.Result{Present: 4}) {
			t.Fatalf("copy %d to the directory: %+v, %v", n+1, result, err)
		}
	}
	link, err := os.Readlink(filepath.Join(name, "v2/openshift/release/manifests/4.12.0-x86_64"))
	if err != nil || link != release.Digest.String() {
		t.Errorf("the tag of the release leads to %q, %v", link, err)
	}
	if leftover, err := filepath.Glob(filepath.Join(name, "v2/openshift/release/*/.part-*")); err != nil ||
		len(leftover) > 0 {
		t.Errorf("left over: %v, %v", leftover, err)
	}
	for _, tag := range []string{"4.12.0-x86_64", ""} {
		if got, err := directory.Release(context.Background(), payloadtest.Client(t), tag); err != nil ||
			got.Digest != release.Digest ||
			len(got.Components()) != 3 {
			t.Errorf("the release of tag %q: %v, %v", tag, got, err)
		}
	}
	for _, tag := range []string{"../x", "none", "4.12.0-x86_64-cli"} {
		if _, err := directory.Release(context.Background(), payloadtest.Client(t), tag); err == nil {
			t.Errorf("the release of tag %q was opened", tag)
		}
	}
	other := payloadtest.NewRegistry(t)
	items = plan(t, mirror.Request{Release: release, Repository: other.Host + "/my/mirror"})
	if result, err := mirror.Copy(context.Background(), directory, registries(t), items, 0, nil); err != nil ||
		result.Copied != 4 {
		t.Fatalf("from the directory: %+v, %v", result, err)
	}
	readable(t, release, other.Host+"/my/mirror")
}

// TestSeveralReleasesInADirectory mirrors two releases to one directory: whoever names none does not get just any.
func TestSeveralReleasesInADirectory(t *testing.T) {
	for _, layout := range []string{"v2", "oci"} {
		name := t.TempDir()
		for _, version := range []string{"4.12.0", "4.12.1"} {
			seeded := payloadtest.NewRegistry(t).Seed(t, payloadtest.Release{Name: version, Created: when,
				Components: []payloadtest.Component{{Name: "cluster-version-operator",
					Manifests: map[string]string{"0000_00_x.yaml": "kind: A\napiVersion: v1\n"}}}})
			release := open(t, seeded.PullSpec)
			var to interface {
				mirror.Destination
				Release(ctx context.Context, c *registry.Client, tag string) (*payload.Release, error)
				Close() error
			}
			var err error
			if to, err = mirror.OpenDirectory(name); layout == "oci" {
				to, err = mirror.OpenLayout(name)
			}
			if err != nil {
				t.Fatal(err)
			}
			items := plan(t, mirror.Request{Release: release, Repository: "localhost/" + mirror.DirectoryRepository})
			if _, err := mirror.Copy(t.Context(), registries(t), to, items, 0, nil); err != nil {
				t.Fatal(err)
			}
			got, err := to.Release(t.Context(), payloadtest.Client(t), version+"-x86_64")
			if err != nil || got.Digest != release.Digest {
				t.Errorf("%s: the release of its tag: %v, %v", layout, got, err)
			}
			switch got, err := to.Release(t.Context(), payloadtest.Client(t), ""); version {
			case "4.12.0":
				if err != nil || got.Digest != release.Digest {
					t.Errorf("%s: the only release: %v, %v", layout, got, err)
				}
			default:
				if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), "4.12.0-x86_64, 4.12.1-x86_64") {
					t.Errorf("%s: one of two releases: %v, %v", layout, got, err)
				}
			}
			if err := to.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestKeptFilesAreVerified damages a blob that an earlier run wrote, without another size: the next run writes it
// again.
func TestKeptFilesAreVerified(t *testing.T) {
	_, release := seed(t)
	items := plan(t, mirror.Request{Release: release, Repository: "localhost/" + mirror.DirectoryRepository})
	top := release.Image.Layers[len(release.Image.Layers)-1].Digest
	for blob, open := range map[string]func(string) (mirror.Destination, func() error, error){
		"v2/openshift/release/blobs/" + top.String(): func(name string) (mirror.Destination, func() error, error) {
			d, err := mirror.OpenDirectory(name)
			return d, d.Close, err
		},
		"blobs/sha256/" + top.Encoded(): func(name string) (mirror.Destination, func() error, error) {
			l, err := mirror.OpenLayout(name)
			return l, l.Close, err
		},
	} {
		name := t.TempDir()
		var good []byte
		for n, want := range []mirror.Result{{Copied: 4}, {Copied: 1, Present: 3}, {Present: 4}} {
			to, closeDestination, err := open(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := mirror.Copy(t.Context(), registries(t), to, items, 0, nil)
			if got.Bytes = 0; err != nil || got != want {
				t.Errorf("%s: copy %d: %+v, %v, want %+v", blob, n+1, got, err, want)
			}
			if err := closeDestination(); err != nil {
				t.Error(err)
			}
			path := filepath.Join(name, blob)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				good = bytes.Clone(data)
				data[len(data)/2] ^= 1
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
			} else if !bytes.Equal(data, good) {
				t.Errorf("%s is still damaged after copy %d", blob, n+1)
			}
		}
	}
}

// TestFromALayoutOfOthers copies a release whose release image is named by another transport: it is copied, last, and
// no rule names that.
func TestFromALayoutOfOthers(t *testing.T) {
	_, release := seed(t)
	name := t.TempDir()
	layout, err := mirror.OpenLayout(name)
	if err != nil {
		t.Fatal(err)
	}
	defer layout.Close()
	if _, err := mirror.Copy(t.Context(), registries(t), layout,
		plan(t, mirror.Request{Release: release, Repository: "localhost/x"}),
		0, nil); err != nil {
		t.Fatal(err)
	}
	there := open(t, "oci:"+name+":4.12.0-x86_64")
	other := payloadtest.NewRegistry(t)
	items := plan(t, mirror.Request{Release: there, Repository: other.Host + "/my/mirror"})
	result, err := mirror.Copy(t.Context(), registries(t), registries(t), items, 0, nil)
	if err != nil || result.Copied != 4 {
		t.Fatalf("Copy: %+v, %v, want 4 copied", result, err)
	}
	if got := open(t, other.Host+"/my/mirror:4.12.0-x86_64"); got.Digest != release.Digest {
		t.Errorf("the release is %s, not %s", got.Digest, release.Digest)
	}
	if rules := mirror.Sources(items); len(rules) != 2 || strings.Contains(rules[0].Source+rules[1].Source, "oci") {
		t.Errorf("rules: %v", rules)
	}
	nameless := []mirror.Item{{From: "oci:" + name, To: other.Host + "/my/mirror:nameless"}}
	if result, err := mirror.Copy(t.Context(), registries(t), registries(t), nameless, 0, nil); err == nil {
		t.Errorf("an image without a digest: %+v, want an error", result)
	}
}

// TestADamagedDirectory changes a blob in a directory: it is not copied on.
func TestADamagedDirectory(t *testing.T) {
	_, release := seed(t)
	name := t.TempDir()
	directory, err := mirror.OpenDirectory(name)
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	items := plan(t, mirror.Request{Release: release, Repository: "localhost/x"})
	if _, err := mirror.Copy(context.Background(), registries(t), directory, items, 0, nil); err != nil {
		t.Fatal(err)
	}
	top := release.Image.Layers[len(release.Image.Layers)-1].Digest.String()
	blob := filepath.Join(name, "v2/openshift/release/blobs", top)
	data, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(blob, data, 0o600); err != nil {
		t.Fatal(err)
	}
	other := payloadtest.NewRegistry(t)
	items = plan(t, mirror.Request{Release: release, Repository: other.Host + "/my/mirror"})
	if _, err := mirror.Copy(context.Background(), directory, registries(t), items, 0, nil); err == nil ||
		!strings.Contains(err.Error(), top) {
		t.Errorf("Copy of a damaged blob: %v", err)
	}
	if _, err := payload.Open(context.Background(), payloadtest.Client(t),
		other.Host+"/my/mirror:4.12.0-x86_64"); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("the release was published all the same: %v", err)
	}
}

// TestThroughALayout copies to an OCI layout, which other programs can read too, and from there to another registry.
func TestThroughALayout(t *testing.T) {
	_, release := seed(t)
	name := t.TempDir()
	layout, err := mirror.OpenLayout(name)
	if err != nil {
		t.Fatal(err)
	}
	defer layout.Close()
	items := plan(t, mirror.Request{Release: release, Repository: "localhost/" + mirror.DirectoryRepository})
	for n := range 2 {
		result, err := mirror.Copy(context.Background(), registries(t), layout, items, 0, nil)
		if err != nil || n == 1 && result != (mirror.Result{Present: 4}) {
			t.Fatalf("copy %d to the layout: %+v, %v", n+1, result, err)
		}
	}
	if got := open(t, "oci:"+name+":4.12.0-x86_64"); got.Digest != release.Digest || len(got.Components()) != 3 {
		t.Errorf("image/v5 reads release %s", got.Digest)
	}
	for _, tag := range []string{"4.12.0-x86_64", ""} {
		if got, err := layout.Release(context.Background(), payloadtest.Client(t), tag); err != nil ||
			got.Digest != release.Digest {
			t.Errorf("the release of tag %q: %v, %v", tag, got, err)
		}
	}
	other := payloadtest.NewRegistry(t)
	items = plan(t, mirror.Request{Release: release, Repository: other.Host + "/my/mirror"})
	if result, err := mirror.Copy(context.Background(), layout, registries(t), items, 0, nil); err != nil ||
		result.Copied != 4 {
		t.Fatalf("from the layout: %+v, %v", result, err)
	}
	readable(t, release, other.Host+"/my/mirror")
	if _, err := layout.Release(context.Background(), payloadtest.Client(t),
		"none"); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("a tag that is not there: %v", err)
	}
}

// TestListInADirectory wants the whole list where nothing could give one image of it by digest.
func TestListInADirectory(t *testing.T) {
	_, seeded := seed(t)
	release := *seeded
	release.PullSpec, release.ListDigest = "dir:/payload", release.Digest
	_, err := (mirror.Request{Release: &release, Repository: "q.io/a/b"}).Plan()
	if fault.KindOf(err) != fault.Usage || fault.AdviceOf(err) != "Pass --keep-manifest-list." {
		t.Errorf("Plan() = %v (%s)", err, fault.AdviceOf(err))
	}
}

// FuzzRelease opens hostile mirror directories, of both layouts. What it gives has the digest of a manifest that is
// there, and no file beside those that were put there appears.
func FuzzRelease(f *testing.F) {
	client := payloadtest.Client(f)
	manifest := []byte(`{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
"config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2,
"digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}, "layers": []}`)
	f.Add([]byte(`{"schemaVersion": 2, "manifests": [{"digest": "MANIFEST", "size": 1}]}`), manifest, []byte("{}"))
	f.Add([]byte(`{"manifests": [{"digest": "sha256:../../x"}, {"digest": "MANIFEST"}, {"digest": "MANIFEST"}]}`),
		manifest, []byte(`{"os": "linux", "config": {"Labels": {"io.openshift.release": "4.12.0"}}}`))
	f.Fuzz(func(t *testing.T, index, manifest, blob []byte) {
		fuzzing.Case(t)
		sum := digest.FromBytes(manifest)
		index = bytes.ReplaceAll(index, []byte("MANIFEST"), []byte(sum))
		files := map[string][]byte{"v2/openshift/release/manifests/tag": manifest, "oci-layout": []byte("{}"),
			"v2/openshift/release/manifests/" + sum.String(): manifest, "index.json": index,
			"blobs/sha256/" + sum.Encoded(): manifest}
		for _, data := range [][]byte{blob, index} {
			files["v2/openshift/release/blobs/"+digest.FromBytes(data).String()] = data
			files["blobs/sha256/"+digest.FromBytes(data).Encoded()] = data
		}
		name := t.TempDir()
		for path, data := range files {
			if err := errors.Join(os.MkdirAll(filepath.Join(name, filepath.Dir(path)), 0o700),
				os.WriteFile(filepath.Join(name, path), data, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		directory, err := mirror.ReadDirectory(name)
		if err != nil {
			t.Fatal(err)
		}
		defer directory.Close()
		for _, open := range []func(context.Context, *registry.Client, string) (*payload.Release, error){
			directory.Release, directory.Layout().Release,
		} {
			release, err := open(t.Context(), client, "")
			if err == nil && release.Digest != sum && release.Digest != digest.FromBytes(blob) {
				t.Errorf("the release has the digest %s, which no manifest has", release.Digest)
			}
		}
		if err := filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			relative, err := filepath.Rel(name, path)
			if _, ok := files[relative]; !ok {
				t.Errorf("%s was written", relative)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}
