package worktree_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/worktree"
)

var when = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// write puts files into a directory; a name that ends in a slash is a directory, a text that begins with -> a link.
func write(t *testing.T, directory string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(directory, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch target, isLink := strings.CutPrefix(text, "->"); {
		case strings.HasSuffix(name, "/"):
			err = errors.Join(err, os.MkdirAll(path, 0o755))
		case isLink:
			err = errors.Join(err, os.Symlink(target, path))
		default:
			err = errors.Join(err, os.WriteFile(path, []byte(text), 0o644), os.Chtimes(path, when, when))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// bare are the files by which a directory is taken for a repository.
func bare(prefix string) map[string]string {
	return map[string]string{prefix + "HEAD": "ref: refs/heads/main\n", prefix + "objects/": "",
		prefix + "refs/heads/main": strings.Repeat("1", 40) + "\n"}
}

func TestFind(t *testing.T) {
	top := write(t, t.TempDir(), bare("plain/.git/"))
	write(t, top, bare("bare/"))
	write(t, top, map[string]string{
		"linked/.git":                  "gitdir: ../plain/.git/worktrees/linked\n",
		"plain/.git/worktrees/linked/": "", "plain/.git/worktrees/linked/commondir": "../..\n",
		"nothing/file": "", "odd/.git": "something else\n", "gone/.git": "gitdir: /no/such/directory\n",
	})
	tests := []struct {
		directory, git, common string
		fails                  bool
	}{
		{directory: "plain", git: "plain/.git", common: "plain/.git"},
		{directory: "bare", git: "bare", common: "bare"},
		{directory: "linked", git: "plain/.git/worktrees/linked", common: "plain/.git"},
		{directory: "nothing", fails: true},
		{directory: "odd", fails: true},
		{directory: "none", fails: true},
	}
	for _, test := range tests {
		found, err := worktree.Find(filepath.Join(top, test.directory))
		if (err != nil) != test.fails {
			t.Errorf("Find(%s): %v", test.directory, err)
		}
		if test.fails {
			continue
		}
		got := []string{filepath.Clean(found.GitDir), filepath.Clean(found.CommonDir)}
		if diff := cmp.Diff([]string{filepath.Join(top, test.git), filepath.Join(top, test.common)}, got); diff != "" {
			t.Errorf("Find(%s) (-want +got):\n%s", test.directory, diff)
		}
	}
	if _, err := worktree.Find(filepath.Join(top, "nothing")); !errors.Is(err, worktree.ErrNotRepository) {
		t.Errorf("of a directory that git does not know: %v", err)
	}
}

// TestCopy copies a working tree whose objects lie elsewhere in part, and checks what came and what did not.
func TestCopy(t *testing.T) {
	top := t.TempDir()
	from := write(t, filepath.Join(top, "from"), bare(".git/"))
	write(t, from, map[string]string{
		"file": "text", "dir/program": "x", "link": "->file", "untracked": "secret", "sub/inside": "y", "outside": "->/etc",
		".git/config": "[credential]\n\thelper = mine\n", ".git/hooks/pre-commit": "x", ".git/index": "index",
		".git/objects/info/alternates": filepath.Join(top, "shared"), ".git/objects/aa/one": "1",
	})
	write(t, top, map[string]string{"shared/bb/two": "2"})
	if err := os.Chmod(filepath.Join(from, "dir/program"), 0o755); err != nil {
		t.Fatal(err)
	}
	repository, err := worktree.Find(from)
	if err != nil {
		t.Fatal(err)
	}
	to := write(t, filepath.Join(top, "to"), map[string]string{"./": ""})
	files := []string{"file", "dir/program", "link", "sub/", "outside", "gone"}
	if err := worktree.Copy(t.Context(), from, repository, files, to); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"file": "text", "link": "text", "sub/inside": "y", ".git/objects/aa/one": "1",
		".git/objects/bb/two": "2",
		".git/index":          "index"} {
		if got, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"untracked", "gone", ".git/hooks", ".git/objects/info/alternates"} {
		if _, err := os.Lstat(filepath.Join(to, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is in the copy: %v", name, err)
		}
	}
	if config, err := os.ReadFile(filepath.Join(to, ".git/config")); err != nil || strings.Contains(string(config), "mine") {
		t.Errorf("the user's configuration is in the copy: %s, %v", config, err)
	}
	info, err := os.Stat(filepath.Join(to, "dir/program"))
	if err != nil || info.Mode().Perm() != 0o755 || !info.ModTime().Equal(when) {
		t.Errorf("dir/program: %v, %v", info, err)
	}
	if target, err := os.Readlink(filepath.Join(to, "outside")); err != nil || target != "/etc" {
		t.Errorf("a link out of the tree was followed: %q, %v", target, err)
	}
	copied, err := worktree.Find(to)
	if err != nil {
		t.Fatal(err)
	}
	if head, branch, err := copied.Head(); err != nil || branch != "main" || head.String() != strings.Repeat("1", 40) {
		t.Errorf("the copy is at %s of %q, %v", head, branch, err)
	}
}

// TestCopyDoesNotFollow writes nothing outside of the copy, whatever a working tree has for links on the way.
func TestCopyDoesNotFollow(t *testing.T) {
	top := t.TempDir()
	outside := write(t, filepath.Join(top, "outside"), map[string]string{"secret": "s"})
	from := write(t, filepath.Join(top, "from"), map[string]string{"dir": "->" + outside})
	to := write(t, filepath.Join(top, "to"), map[string]string{"./": ""})
	if err := worktree.CopyAll(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(filepath.Join(to, "dir")); err != nil || target != outside {
		t.Errorf("the link: %q, %v", target, err)
	}
	err := worktree.Copy(t.Context(), from, worktree.Repository{GitDir: outside, CommonDir: outside}, []string{"dir/secret"}, to)
	if err == nil {
		t.Error("a file behind a link that leads out of the tree was copied")
	}
}
