package osimage

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

var (
	commit        = strings.Repeat("ab", 32)
	bootableImage = Base{Name: "stream-coreos", Digest: "sha256:1",
		Labels: map[string]string{"ostree.bootable": "true", "version": "417.9-0",
			"io.openshift.build.versions": "machine-os=417.9.1-0"}}
	legacyImage = Base{Name: "machine-os-content", Digest: "sha256:1",
		Labels: map[string]string{"com.coreos.ostree-commit": commit, "version": "48.84.1-0"}}
	extensionImage = Base{Name: "stream-coreos-extensions", Digest: "sha256:1"}
)

// local writes files into a new directory and returns it.
func local(t *testing.T, files map[string]string) string {
	t.Helper()
	directory := t.TempDir()
	for name, text := range files {
		to := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

func TestNewWritesContextAndDockerfile(t *testing.T) {
	files := local(t, map[string]string{"o/etc/a": "a", "o/bin/b": "b", "o/usr/etc/c": "c",
		"x-1.rpm": string(rpmMagic) + "x",
		"y.repo":  "[y]", "f": "f"})
	at := func(name string) string { return filepath.Join(files, name) }
	tests := []struct {
		description string
		base        Base
		changes     Changes
		context     []string
		text        string
		programs    [][]string
		commits     bool
		labels      []string
	}{
		{"a bootable image", bootableImage,
			Changes{Overlays: []string{at("o")}, Replacements: []Replacement{{"/usr/bin/crio", at("f")}},
				RPMs: []string{at("x-1.rpm"), "kernel-rt"}, RepoFiles: []string{at("y.repo")}},
			[]string{"apply.sh", "packages", "replaced", "repos/y.repo", "rpms/x-1.rpm", "tree/etc/a",
				"tree/etc/c", "tree/usr/bin/b",
				"tree/usr/bin/crio"},
			"FROM payload:stream-coreos\nCOPY . /tmp/oc-rebuild/\nRUN /bin/sh /tmp/oc-rebuild/apply.sh\n",
			[][]string{{"rpm-ostree", "dnf", "rpm"}, {"rpm-ostree", "dnf"}}, false,
			[]string{"io.openshift.build.versions", "version"}},
		{"machine-os-content", legacyImage, Changes{Overlays: []string{at("o")}, ExtensionRPMs: []string{at("x-1.rpm")},
			Tools: "example.org/tools:1"},
			[]string{"commit.sh", "extensions.sh", "rpms/x-1.rpm", "tree/usr/bin/b", "tree/usr/etc/a",
				"tree/usr/etc/c"},
			"FROM example.org/tools:1 AS tools\nUSER 0\nCOPY . /tmp/oc-rebuild/\nRUN --mount=type=bind,from=payload:machine-os-content,target=/run/old " +
				"bash /tmp/oc-rebuild/commit.sh " + commit +
				" VERSION && bash /tmp/oc-rebuild/extensions.sh extensions\n\n" +
				"FROM payload:machine-os-content\nCOPY --from=tools /tmp/oc-rebuild/out/ /\n",
			[][]string{{"ostree"}, {"bash"}, {"awk"}, {"createrepo_c"}}, true, []string{"version"}},
		{"machine-os-content, RPMs alone: the tree and its labels stay", legacyImage,
			Changes{RPMs: []string{at("x-1.rpm")}},
			[]string{"extensions.sh", "rpms/x-1.rpm"},
			"FROM " + DefaultTools +
				" AS tools\nUSER 0\nCOPY . /tmp/oc-rebuild/\nRUN --mount=type=bind,from=payload:machine-os-content,target=/run/old " +
				"bash /tmp/oc-rebuild/extensions.sh extensions\n\nFROM payload:machine-os-content\nCOPY --from=tools /tmp/oc-rebuild/out/ /\n",
			[][]string{{"createrepo_c"}}, false, nil},
		{"extensions", extensionImage, Changes{ExtensionRPMs: []string{at("x-1.rpm")}},
			[]string{"extensions.sh", "rpms/x-1.rpm"},
			"FROM " + DefaultTools +
				" AS tools\nUSER 0\nCOPY . /tmp/oc-rebuild/\nRUN --mount=type=bind,from=payload:stream-coreos-extensions,target=/run/old " +
				"bash /tmp/oc-rebuild/extensions.sh usr/share/rpm-ostree/extensions\n\nFROM payload:stream-coreos-extensions\nCOPY --from=tools /tmp/oc-rebuild/out/ /\n",
			[][]string{{"createrepo_c"}, {"bash"}}, false, nil},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			directory := t.TempDir()
			recipe, err := New(directory, test.base, test.changes)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.context, list(t, directory)); diff != "" {
				t.Errorf("context (-want +got):\n%s", diff)
			}
			_, text, _ := strings.Cut(string(recipe.Text), "\n") // the first line is a comment
			if diff := cmp.Diff(strings.ReplaceAll(test.text, "VERSION", recipe.Labels["version"]), text); diff != "" {
				t.Errorf("Dockerfile (-want +got):\n%s", diff)
			}
			var programs [][]string
			for _, need := range recipe.Needs {
				programs = append(programs, need.Programs)
			}
			if diff := cmp.Diff(test.programs, programs); diff != "" {
				t.Errorf("programs (-want +got):\n%s", diff)
			}
			var labels []string
			for name, value := range recipe.Labels {
				labels = append(labels, name)
				if !strings.Contains(value, "modified-") {
					t.Errorf("label %s = %q is not marked", name, value)
				}
			}
			slices.Sort(labels)
			if diff := cmp.Diff(test.labels, labels); diff != "" || recipe.Commits != test.commits {
				t.Errorf("labels (-want +got):\n%s\ncommits: %v, want %v", diff, recipe.Commits, test.commits)
			}
		})
	}
}

// list returns the files below a directory, sorted.
func list(t *testing.T, directory string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(directory), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestTheSameChangesGiveTheSameVersion(t *testing.T) {
	version := func(text, digest string) string {
		base := bootableImage
		base.Digest = digest
		recipe, err := New(t.TempDir(), base, Changes{Overlays: []string{local(t, map[string]string{"usr/a": text})}})
		if err != nil {
			t.Fatal(err)
		}
		return recipe.Labels["version"]
	}
	first := version("a", "sha256:1")
	if again := version("a", "sha256:1"); again != first {
		t.Errorf("the same changes give %s and %s", first, again)
	}
	if other := version("b", "sha256:1"); other == first {
		t.Errorf("different files give the same version %s", other)
	}
	of := func(text string) string {
		digest, err := Digest(fstest.MapFS{".git": {Data: []byte("gitdir: " + text)},
			"Containerfile": {Data: []byte(text)}}, "")
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	if of("a") == of("b") {
		t.Error("different files beside a file .git, as in a linked worktree, have the same digest")
	}
	if other := version("a", "sha256:2"); other == first {
		t.Errorf("different images give the same version %s", other)
	}
}

func TestNewRefuses(t *testing.T) {
	files := local(t, map[string]string{
		"var/var/lib/x": "", "ok/etc/x": "", "x.rpm": string(rpmMagic), "no.rpm": "#!/bin/sh",
		"sp ace.rpm": string(rpmMagic),
		"r.repo":     "", "line/usr/a\nb": "", "Containerfile": "FROM scratch\n", "boot/boot/x": "",
	})
	if err := os.Mkdir(filepath.Join(files, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	suid := filepath.Join(files, "suid", "usr")
	if err := os.MkdirAll(suid, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(suid, "su"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(suid, "su"), 0o755|fs.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(files, name) }
	broken := legacyImage
	broken.Labels = map[string]string{"com.coreos.ostree-commit": "$(reboot)"}
	tests := []struct {
		description string
		base        Base
		changes     Changes
		kind        fault.Kind
		want        string
	}{
		{"a component", Base{Name: "etcd"}, Changes{Overlays: []string{at("ok")}}, fault.Usage,
			"not an operating system image"},
		{"files under /var", bootableImage, Changes{Overlays: []string{at("var")}}, fault.Usage, "\"/var\""},
		{"files under /boot", legacyImage, Changes{Overlays: []string{at("boot")}}, fault.Usage, "/usr/lib/modules"},
		{"an empty overlay", bootableImage, Changes{Overlays: []string{at("empty")}}, fault.Unresolved, "empty"},
		{"no overlay", bootableImage, Changes{Overlays: []string{at("none")}}, fault.Unresolved, "none"},
		{"a setuid file", bootableImage, Changes{Overlays: []string{at("suid")}}, fault.Usage, "setuid"},
		{"a name with a line break", bootableImage, Changes{Overlays: []string{at("line")}}, fault.Usage,
			"control character"},
		{"a replacement that is a directory", bootableImage,
			Changes{Replacements: []Replacement{{"usr/x", files}}}, fault.Unresolved,
			"not a regular file"},
		{"a replacement of nothing", bootableImage, Changes{Replacements: []Replacement{{"/", at("x.rpm")}}},
			fault.Usage, "not a path"},
		{"a replacement outside the image", bootableImage,
			Changes{Replacements: []Replacement{{"../../var/x", at("x.rpm")}}},
			fault.Usage, "/var"},
		{"not an RPM", bootableImage, Changes{RPMs: []string{at("no.rpm")}}, fault.Unresolved, "not an RPM"},
		{"a name that a shell would split", bootableImage, Changes{RPMs: []string{at("sp ace.rpm")}},
			fault.Usage, "must match"},
		{"an option as a package", bootableImage, Changes{RPMs: []string{"--nogpgcheck"}}, fault.Usage,
			"not the name of a package"},
		{"a command as a package", bootableImage, Changes{RPMs: []string{"x;reboot"}}, fault.Usage,
			"not the name of a package"},
		{"a repository without packages", bootableImage,
			Changes{Overlays: []string{at("ok")}, RepoFiles: []string{at("r.repo")}},
			fault.Usage, "--repo-file"},
		{"a Containerfile and more", bootableImage,
			Changes{Containerfile: at("Containerfile"), Overlays: []string{at("ok")}},
			fault.Usage, "--containerfile excludes --overlay"},
		{"a Containerfile for a repository", legacyImage, Changes{Containerfile: at("Containerfile")}, fault.Usage,
			"machine-os-content"},
		{"no Containerfile", bootableImage, Changes{Containerfile: at("none")}, fault.Unresolved, "none"},
		{"a package by name for a repository", legacyImage, Changes{RPMs: []string{"kernel-rt"}},
			fault.Usage, "by name"},
		{"an overlay for extensions", extensionImage, Changes{Overlays: []string{at("ok")}}, fault.Usage, "RPMs alone"},
		{"a commit that is none", broken, Changes{Overlays: []string{at("ok")}}, fault.Unresolved, "$(reboot)"},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			_, err := New(t.TempDir(), test.base, test.changes)
			if fault.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) {
				t.Errorf("New = %v (class %d), want class %d and %q", err, fault.KindOf(err), test.kind, test.want)
			}
		})
	}
}
