package copytree_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/copytree"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// roots returns two empty directories and a file outside both.
func roots(t *testing.T) (from, to *os.Root, outside string) {
	t.Helper()
	outside = filepath.Join(t.TempDir(), "outside")
	check(t, os.WriteFile(outside, []byte("secret"), 0o600))
	var err error
	from, err = os.OpenRoot(t.TempDir())
	check(t, err)
	to, err = os.OpenRoot(t.TempDir())
	check(t, err)
	t.Cleanup(func() { check(t, from.Close()); check(t, to.Close()) })
	return from, to, outside
}

func read(t *testing.T, root *os.Root, name string) string {
	t.Helper()
	data, err := root.ReadFile(name)
	check(t, err)
	return string(data)
}

// Directories are merged, files replace files, permissions and times stay.
func TestCopy(t *testing.T) {
	from, to, _ := roots(t)
	old := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	check(t, from.MkdirAll("a/b", 0o755))
	check(t, from.WriteFile("a/b/file", []byte("new"), 0o755))
	check(t, from.Chtimes("a/b/file", old, old))
	check(t, to.MkdirAll("x/a/b", 0o755))
	check(t, to.WriteFile("x/a/b/file", []byte("old and longer"), 0o644))
	check(t, to.WriteFile("x/a/b/other", []byte("other"), 0o644))
	check(t, copytree.Copy(t.Context(), from, "a", to, "x/a"))
	if got := read(t, to, "x/a/b/file") + read(t, to, "x/a/b/other"); got != "newother" {
		t.Errorf("the files hold %q", got)
	}
	info, err := to.Stat("x/a/b/file")
	check(t, err)
	if info.Mode().Perm() != 0o755 || !info.ModTime().Equal(old) {
		t.Errorf("the copy has mode %v and time %v", info.Mode(), info.ModTime())
	}
}

// Links stay links, are never written through, and lead nowhere out of a directory on either side.
func TestCopyLinks(t *testing.T) {
	from, to, outside := roots(t)
	check(t, from.Symlink(outside, "link"))
	check(t, from.WriteFile("file", []byte("harmless"), 0o644))
	check(t, to.Symlink(outside, "file"))
	check(t, to.Symlink(filepath.Dir(outside), "directory"))
	check(t, copytree.Copy(t.Context(), from, ".", to, "."))
	if target, err := to.Readlink("link"); err != nil || target != outside {
		t.Errorf("the link leads to %q: %v", target, err)
	}
	if got := read(t, to, "file"); got != "harmless" {
		t.Errorf("the file holds %q", got)
	}
	for _, as := range []string{"directory/file", "../file", "/tmp/file"} {
		if err := copytree.Copy(t.Context(), from, "file", to, as); err == nil {
			t.Errorf("a copy to %q succeeded", as)
		}
	}
	for _, name := range []string{"../outside", outside} {
		if err := copytree.Copy(t.Context(), from, name, to, "stolen"); err == nil {
			t.Errorf("a copy of %q succeeded", name)
		}
	}
	data, err := os.ReadFile(outside)
	check(t, err)
	if string(data) != "secret" {
		t.Errorf("the file outside holds %q", data)
	}
}

// A file in the place of a directory is an error, not a mixture.
func TestCopyClash(t *testing.T) {
	from, to, _ := roots(t)
	check(t, from.MkdirAll("name/below", 0o755))
	check(t, to.WriteFile("name", nil, 0o644))
	if err := copytree.Copy(t.Context(), from, "name", to, "name"); err == nil {
		t.Error("a directory replaced a file")
	}
}

func TestCopySkips(t *testing.T) {
	from, to, _ := roots(t)
	for _, name := range []string{"a/kept/x", "a/gone/x", "a/b/file", "gone/x"} {
		check(t, from.MkdirAll(filepath.Dir(name), 0o755))
		check(t, from.WriteFile(name, nil, 0o644))
	}
	check(t, copytree.Copy(t.Context(), from, "a", to, ".", "a/gone/", "a/b/file", "kept"))
	for name, want := range map[string]bool{"kept/x": true, "gone": false, "b/file": false, "b": true} {
		if _, err := to.Lstat(name); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
