package osimages

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What cannot work is said before anything is built, with the exit code of an input that cannot be resolved, or of a
// wrong command line.
func TestRefusals(t *testing.T) {
	need(t, "createrepo_c", "rpmbuild")
	old, _ := machineOSContent(t)
	w := newWorld(t, map[string]v1.Image{"stream-coreos": bootable(t), "machine-os-content": old})
	overlay := write(t, map[string]string{"etc/motd": "mine\n"})
	crio := filepath.Join(write(t, map[string]string{"crio": "x"}), "crio")
	rpm := buildRPM(t, "hello", "1.0", nil)
	bare := w.registry.Push(t, "test/bare", "latest", image(t, nil, system(t, "sh")))
	tests := []struct {
		description string
		args        []string
		code        int
		want        []string
	}{
		{"no source and no change", []string{"stream-coreos"}, 3,
			[]string{"records no source", "--overlay", "docs/os-images.md"}},
		{"no source and no change, legacy", []string{"machine-os-content"}, 3,
			[]string{"records no source", "--overlay", "machine-os-content=URL"}},
		{"a component that is no operating system", []string{"machine-config-operator", "--overlay", overlay}, 2,
			[]string{"not an operating system image"}},
		{"a change and a source", []string{"stream-coreos=./src", "--overlay", overlay}, 2, []string{"source"}},
		{"a change and a Dockerfile", []string{"stream-coreos", "--overlay", overlay, "--dockerfile", "x"}, 2,
			[]string{"cannot be used with it"}},
		{"two operating systems", []string{"stream-coreos", "machine-os-content", "--overlay", overlay}, 2,
			[]string{"--overlay COMPONENT="}},
		{"packages where nothing installs them", []string{"stream-coreos", "--rpm", rpm}, 3,
			[]string{"no program to install packages with", "docs/os-images.md"}},
		{"packages by name", []string{"stream-coreos", "--rpm", "kernel-rt"}, 3, []string{"none of rpm-ostree, dnf"}},
		{"tools without ostree", []string{"machine-os-content", "--overlay", overlay, "--os-tools-image", bare}, 3,
			[]string{"does not have ostree", "--os-tools-image"}},
		{"tools without createrepo_c", []string{"machine-os-content", "--rpm", rpm, "--os-tools-image", bare}, 3,
			[]string{"does not have createrepo_c"}},
		{"tools that cannot be pulled", []string{"machine-os-content", "--overlay", overlay, "--os-tools-image",
			w.registry.Host + "/test/none:latest"}, 3,
			[]string{"test/none:latest", "not available", "Pass --os-tools-image"}},
		{"a file that the image does not have", []string{"stream-coreos", "--replace-file", "usr/bin/none=" + crio}, 3,
			[]string{`no file "/usr/bin/none"`, "--overlay"}},
		{"a program that cannot be run", []string{"stream-coreos", "--replace-file", "usr/bin/crio=" + crio}, 3,
			[]string{"executable", "chmod +x"}},
		{"a directory that is a link", []string{"stream-coreos", "--overlay",
			write(t, map[string]string{"usr/local/bin/x": ""})}, 3,
			[]string{"var/usrlocal", "MachineConfig"}},
		{"no image of extensions", []string{"stream-coreos", "--extensions-rpm", rpm}, 3,
			[]string{"stream-coreos-extensions"}},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			got := w.tryRebuild(test.args...)
			if got.code != test.code {
				t.Errorf("exit code %d, want %d\n%s", got.code, test.code, got.stderr)
			}
			for _, text := range test.want {
				if !strings.Contains(got.stderr, text) {
					t.Errorf("%q is not in\n%s", text, got.stderr)
				}
			}
			if strings.Contains(got.stderr, "build …") {
				t.Errorf("a build began:\n%s", got.stderr)
			}
		})
	}
	if _, err := os.Stat(overlay); err != nil {
		t.Error(err)
	}
}

// A file to be replaced in an ostree repository is looked for in the repository: only the build can tell.
func TestLegacyReplacementThatIsNotThere(t *testing.T) {
	old, _ := machineOSContent(t)
	w := newWorld(t, map[string]v1.Image{"machine-os-content": old})
	file := filepath.Join(write(t, map[string]string{"bin/x": "x"}), "bin/x")
	got := w.tryRebuild("machine-os-content", "--replace-file", "usr/bin/none="+file, "--os-tools-image",
		w.tools("ostree"))
	if got.code != 5 || !strings.Contains(got.stderr, "not in the old tree: usr/bin/none") {
		t.Errorf("exit code %d, want 5 and the path\n%s", got.code, got.stderr)
	}
}

// Refs that name another commit stay, a repository without refs works, and so does a tree without SELinux labels.
func TestRepositoryWithoutRefsOrLabels(t *testing.T) {
	need(t, "ostree")
	repo := "--repo=" + filepath.Join(t.TempDir(), "repo")
	command(t, "ostree", "init", repo, "--mode=archive")
	tree := write(t, map[string]string{"usr/bin/crio": "old\n", "usr/etc/conf": "old\n"})
	commit := strings.TrimSpace(command(t, "ostree", "commit", repo, "--orphan", "--tree=dir="+tree,
		"--owner-uid=0", "--owner-gid=0"))
	other := strings.TrimSpace(command(t, "ostree", "commit", repo, "--branch=other", "--tree=dir="+tree,
		"--subject=another"))
	command(t, "ostree", "summary", "--update", repo)
	w := newWorld(t, map[string]v1.Image{"machine-os-content": image(t,
		map[string]string{"com.coreos.ostree-commit": commit},
		rootfs{}.tree(t, "srv/repo", strings.TrimPrefix(repo, "--repo=")))})
	result := w.rebuild("machine-os-content", "--overlay", write(t, map[string]string{"etc/conf": "new\n"}),
		"--os-tools-image",
		w.tools("ostree"))
	made := w.component(result.Release.Image, "machine-os-content")
	repo = "--repo=" + filepath.Join(extract(t, made), "srv/repo")
	command(t, "ostree", "fsck", "--quiet", repo)
	next := labels(t, made)["com.coreos.ostree-commit"]
	if got := command(t, "ostree", "cat", repo, next, "/usr/etc/conf"); got != "new\n" {
		t.Errorf("the file in the new commit is %q", got)
	}
	if got := strings.TrimSpace(command(t, "ostree", "rev-parse", repo, next+"^")); got != commit {
		t.Errorf("the parent is %s, want %s", got, commit)
	}
	if refs := strings.Fields(command(t, "ostree", "refs", repo)); len(refs) != 1 || refs[0] != "other" {
		t.Errorf("refs %v, want other alone", refs)
	}
	if got := strings.TrimSpace(command(t, "ostree", "rev-parse", repo, "other")); got != other {
		t.Errorf("the ref other moved to %s", got)
	}
}
