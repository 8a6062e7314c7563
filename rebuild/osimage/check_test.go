package osimage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

func TestCheck(t *testing.T) {
	image := local(t, map[string]string{"usr/bin/crio": "x", "usr/file": "x", "etc/conf": "x"})
	if err := os.Chmod(filepath.Join(image, "usr/bin/crio"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../var/usrlocal", filepath.Join(image, "usr/local")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(image)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	plain := filepath.Join(local(t, map[string]string{"f": "f"}), "f")
	tests := []struct {
		description string
		changes     Changes
		want        string
	}{
		{"a file that is there", Changes{Replacements: []Replacement{{"etc/conf", plain}}}, ""},
		{"a new directory", Changes{Overlays: []string{local(t, map[string]string{"usr/lib/new/x": ""})}}, ""},
		{"a file that is not there", Changes{Replacements: []Replacement{{"etc/none", plain}}}, `no file "/etc/none"`},
		{"a program that cannot be run", Changes{Replacements: []Replacement{{"usr/bin/crio", plain}}}, "executable"},
		{"a link to /var", Changes{Overlays: []string{local(t, map[string]string{"usr/local/bin/x": ""})}},
			`link to "../var/usrlocal"`},
		{"a file where there is a directory",
			Changes{Overlays: []string{local(t, map[string]string{"usr/file/x": ""})}}, "has a file"},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			recipe, err := New(t.TempDir(), bootableImage, test.changes)
			if err != nil {
				t.Fatal(err)
			}
			err = recipe.Check(root)
			if test.want == "" && err != nil || test.want != "" &&
				(err == nil || !strings.Contains(err.Error(), test.want) || fault.KindOf(err) != fault.Unresolved) {
				t.Errorf("Check = %v, want %q", err, test.want)
			}
		})
	}
}

func TestNewCommit(t *testing.T) {
	repo := func(commits ...string) *os.Root {
		files := map[string]string{"srv/repo/objects/aa/bb.filez": "", "srv/repo/objects/aa/short.commit": ""}
		for _, commit := range commits {
			files["srv/repo/objects/"+commit[:2]+"/"+commit[2:]+".commit"] = ""
		}
		root, err := os.OpenRoot(local(t, files))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { root.Close() })
		return root
	}
	a, b, c := strings.Repeat("aa", 32), strings.Repeat("bb", 32), strings.Repeat("cc", 32)
	if got, err := NewCommit(repo(a), repo(a, b)); got != b || err != nil {
		t.Errorf("NewCommit = %q, %v, want %q", got, err, b)
	}
	for description, after := range map[string]*os.Root{"none": repo(a), "two": repo(a, b, c)} {
		if got, err := NewCommit(repo(a), after); err == nil {
			t.Errorf("NewCommit with %s new = %q, want an error", description, got)
		}
	}
}

// TestMissing says for each kind of image where the programs can come from.
func TestMissing(t *testing.T) {
	for advice, need := range map[string]Need{
		"Pass --os-tools-image": {Programs: []string{"ostree"}, For: "--rpm", Tools: true},
		"--overlay":             {Programs: []string{"dnf", "rpm-ostree"}, For: "--rpm"},
	} {
		if err := need.Missing("image"); fault.KindOf(err) != fault.Unresolved ||
			!strings.Contains(fault.AdviceOf(err), advice) {
			t.Errorf("Missing() of %+v = %v (%s), want %q", need, err, fault.AdviceOf(err), advice)
		}
	}
}
