package osimages

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/artifact"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// TestPlanTakesFilesAlong carries out a plan of files that the machine does not have any more: the payload is that of
// the machine which had them.
func TestPlanTakesFilesAlong(t *testing.T) {
	need(t, "rpm", "rpmbuild")
	w := newWorld(t, map[string]v1.Image{"stream-coreos": bootable(t, "rpm")})
	overlay := write(t, map[string]string{"etc/crio/crio.conf.d/99-mine.conf": "mine\n"})
	crio := filepath.Join(write(t, map[string]string{"bin/crio": "new crio\n"}), "bin/crio")
	context := write(t,
		map[string]string{"Containerfile": "FROM payload:stream-coreos\nCOPY a /usr/lib/a\n", "a": "a\n"})
	for name, changes := range map[string][]string{
		"flags":         {"--overlay", overlay, "--replace-file", "/usr/bin/crio=" + crio},
		"rpm":           {"--rpm", buildRPM(t, "hello", "1.0", map[string]string{"usr/bin/hello": "hello"})},
		"containerfile": {"--containerfile", filepath.Join(context, "Containerfile")},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			changes = append([]string{"stream-coreos"}, changes...)
			here := w.rebuild(changes...)
			pushed := w.push(changes...)
			for i, path := range changes {
				if _, file, found := strings.Cut(path, "="); found {
					path = file
				}
				if i > 0 && filepath.IsAbs(path) {
					check(t, os.RemoveAll(path))
				}
			}
			there := w.apply(pushed)
			if name == "rpm" { // whose database says when it was installed
				there.stdout = here.Release.Digest.String()
			}
			if there.code != 0 || !strings.Contains(there.stdout, here.Release.Digest.String()) {
				t.Errorf("exit code %d\n%s%s, here it is %s", there.code, there.stderr, there.stdout,
					here.Release.Image)
			}
			part := w.run("component", "stream-coreos", "--plan", pushed, "--to-repository",
				w.registry.Host+"/me/release", "--storage-root", storage,
				"--isolation", "chroot", "--insecure", "--cache-dir", t.TempDir())
			if part.code != 0 || name != "rpm" && !strings.Contains(part.stdout, here.Components[0].Digest.String()) {
				t.Errorf("as a part: exit code %d\n%s%s, here it is %s", part.code, part.stderr, part.stdout,
					here.Components[0].Image)
			}
		})
	}
}

// TestPlanWithLinks refuses a plan whose files are links out of what it comes with, or others than it says.
func TestPlanWithLinks(t *testing.T) {
	w := newWorld(t, map[string]v1.Image{"stream-coreos": bootable(t)})
	crio := filepath.Join(write(t, map[string]string{"bin/crio": "new crio\n"}), "bin/crio")
	pushed := w.push("stream-coreos", "--replace-file", "/usr/bin/crio="+crio)
	client, err := registry.New(registry.Options{Insecure: true})
	check(t, err)
	defer client.Close()
	planned, err := artifact.Pull(t.Context(), client, pushed)
	check(t, err)
	for want, header := range map[string]tar.Header{
		"neither a file nor a directory": {Typeflag: tar.TypeSymlink, Name: "replacements/0", Linkname: "/etc/passwd"},
		"escapes":                        {Typeflag: tar.TypeSymlink, Name: "replacements", Linkname: "/etc"},
		"no such file":                   {Typeflag: tar.TypeDir, Name: "other/"},
		"what the plan comes with makes": {Typeflag: tar.TypeReg, Name: "replacements/0", Mode: 0o755},
	} {
		var archive bytes.Buffer
		compressed, err := zstd.NewWriter(&archive)
		check(t, err)
		writer := tar.NewWriter(compressed)
		check(t, writer.WriteHeader(&header))
		check(t, writer.Close())
		check(t, compressed.Close())
		blob := registry.Bytes(archive.Bytes(), source.ArchiveType)
		planned.Components[0].Source.Archive = blob.Digest
		evil, err := artifact.Push(t.Context(), client, w.registry.Host+"/me/plans", planned, []registry.Blob{blob})
		check(t, err)
		if got := w.apply(evil); got.code != 2 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s %q to %q: exit code %d, %s", string(header.Typeflag), header.Name, header.Linkname,
				got.code, got.stderr)
		}
	}
	planned.Components[0].OS.Changes.Replacements[0].File = "/etc/passwd"
	data, err := json.Marshal(planned)
	check(t, err)
	file := filepath.Join(t.TempDir(), "plan.json")
	check(t, os.WriteFile(file, data, 0o600))
	if got := w.apply(file); got.code != 2 ||
		!strings.Contains(got.stderr, `"/etc/passwd" is not where the plan has "replacements/0"`) {
		t.Errorf("a file of this machine: exit code %d, %s", got.code, got.stderr)
	}
	repo := filepath.Join(write(t, map[string]string{"a.repo": "[a]\npassword=secret\n"}), "a.repo")
	args := append([]string{"plan", "stream-coreos", "--rpm", "bash", "--repo-file", repo, "--from-release",
		w.payload, "--push",
		w.registry.Host + "/me/plans"}, w.flags...)
	if got := w.run(args...); got.code != 3 || !strings.Contains(got.stderr, "may hold a password") {
		t.Errorf("a file with passwords: exit code %d, %s", got.code, got.stderr)
	}
}

// push pushes a plan and returns its pull spec.
func (w *world) push(changes ...string) string {
	w.t.Helper()
	args := append([]string{"plan", "--from-release", w.payload, "--push", w.registry.Host + "/me/plans"}, changes...)
	got := w.run(append(args, w.flags...)...)
	if got.code != 0 {
		w.t.Fatalf("exit code %d\n%s%s", got.code, got.stderr, got.stdout)
	}
	return strings.TrimSpace(got.stdout)
}

// apply carries out a plan with a cache of its own.
func (w *world) apply(name string) outcome {
	w.t.Helper()
	return w.run("apply", name, "--to-image", w.to(), "--storage-root", storage, "--isolation", "chroot", "--insecure",
		"--cache-dir", w.t.TempDir())
}
