package rebuild_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// TestSameInputsGiveTheSamePayload builds twice on what could be two machines: other directories, caches, storage and
// times.
func TestSameInputsGiveTheSamePayload(t *testing.T) {
	p := newPlayground(t)
	files := map[string]string{
		"Dockerfile": p.dockerfile("FROM BUILDER AS builder\nCOPY . /src\nRUN [\"/bin/tool\", \"copy\", \"/src/deep/er/file\", \"/out/file\"]\n" +
			"FROM BASE\nCOPY --from=builder /out/file /usr/share/file\nCOPY deep /usr/share/deep\nRUN [\"/bin/tool\", \"write\", \"/f\", \"x\"]\nLABEL a=b\n"),
		"deep/er/file": "content", "another": "file",
	}
	var digests []string
	for _, age := range []time.Duration{0, 1000 * time.Hour} {
		directory := source(t, files)
		check(t, filepath.WalkDir(directory, func(path string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chtimes(path, time.Time{}, time.Now().Add(-age))
		}))
		p.cache, p.storage = t.TempDir(), t.TempDir()
		result := p.mustRun(t, p.options(t), target("one", directory))
		digests = append(digests, result.Components[0].Digest.String()+" "+result.Release.Digest.String())
	}
	if diff := cmp.Diff(digests[0], digests[1]); diff != "" {
		t.Errorf("image and payload of the second build (-first +second):\n%s", diff)
	}
}

func TestNothingChanged(t *testing.T) {
	p := newPlayground(t)
	directory := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY file /file\n"), "file": "one\n"})
	first := p.mustRun(t, p.options(t), target("one", directory))
	p.registry.Reset()
	heard := &recorder{}
	o := p.options(t)
	o.Progress = heard
	second := p.mustRun(t, o, target("one", directory))
	if first.Release.Digest != second.Release.Digest {
		t.Errorf("the second run made %s, the first %s", second.Release.Digest, first.Release.Digest)
	}
	if !heard.saw("one", progress.Build, progress.Skipped) {
		t.Error("the second run built although nothing had changed")
	}
	requests, _ := p.registry.Reset()
	for _, request := range requests {
		if uploads(request) {
			t.Errorf("the second run sent a blob: %s", request)
		}
	}
	check(t, os.WriteFile(filepath.Join(directory, "file"), []byte("two\n"), 0o644))
	if third := p.mustRun(t, p.options(t), target("one", directory)); third.Release.Digest == first.Release.Digest {
		t.Error("a change of the source changed nothing")
	}
}

func TestZstd(t *testing.T) {
	p := newPlayground(t)
	directory := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY file /file\n"), "file": "one\n"})
	o := p.options(t)
	o.Compression = image.Zstd
	result := p.mustRun(t, o, target("one", directory))
	made := p.pullLayers(t, result.Components[0].Image)
	manifest, err := made.Manifest()
	check(t, err)
	var kinds []string
	for _, layer := range manifest.Layers {
		kinds = append(kinds, string(layer.MediaType))
	}
	want := []string{"application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+zstd"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
	places := map[string]string{}
	p.addFiles(t, places, "image", made)
	if places["image file"] != "one\n" {
		t.Errorf("the file of the new layer is %q", places["image file"])
	}
	if again := p.mustRun(t, o, target("one", directory)); again.Release.Digest != result.Release.Digest {
		t.Errorf("the second run made %s, the first %s", again.Release.Digest, result.Release.Digest)
	}
	if plain := p.mustRun(t, p.options(t), target("one",
		directory)); plain.Components[0].Digest == result.Components[0].Digest {
		t.Error("--compression changes nothing")
	}
}
