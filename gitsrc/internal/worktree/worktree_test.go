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
		"plain/.git/worktrees/linked/gitdir": filepath.Join(top, "linked/.git") + "\n",
		// What somebody packed, and what is of it.
		"stranger/.git":      "gitdir: ../plain/.git\n",
		"second/.git":        "gitdir: ../plain/.git/worktrees/linked\n",
		"shadow/.git/HEAD":   "ref: refs/heads/main\n",
		"shadow/.git/gitdir": filepath.Join(top, "shadow/.git") + "\n", "shadow/.git/commondir": "../../plain/.git\n",
		"link/.git":             "->../plain/.git",
		"borrower/.git/objects": "->../../plain/.git/objects", "borrower/.git/HEAD": "ref: refs/heads/main\n",
		"reader/.git/refs/heads/main": "->../../../../plain/.git/refs/heads/main",
		"own/.git":                    "gitdir: inner.git\n",
		"halves/.git/commondir":       "../common\n",
		"halves/.git/refs/heads/main": "->../../../../plain/.git/refs/heads/main",
		"halves/common/objects/":      "",
		// A link to the file of a linked tree; links that stay inside, to directories with links that do not.
		"twin/.git":                        "->../linked/.git",
		"hops/.git/refs":                   "->../r",
		"hops/r/heads/main":                "->../../../plain/.git/refs/heads/main",
		"hops/.git/HEAD":                   "ref: refs/heads/main\n",
		"sparse/.git":                      "gitdir: ../plain/.git/modules/sparse\n",
		"plain/.git/modules/sparse/config": "[extensions]\n\tworktreeConfig = true\n",
		"plain/.git/modules/sparse/config.worktree": "[core]\n\tworktree = ../../../../sparse\n",
		"module/.git":                      "gitdir: ../plain/.git/modules/module\n",
		"plain/.git/modules/module/config": "[core]\n\tworktree = ../../../../module\n",
		"apart/.git":                       "gitdir: ../apart.git\n",
		"apart.git/config":                 "[core]\n\tworktree = " + filepath.Join(top, "apart") + "\n",
		"nothing/file":                     "", "odd/.git": "something else\n",
		"gone/.git": "gitdir: /no/such/directory\n",
	})
	tests := []struct {
		directory, git, common string
		fails, foreign         bool
	}{
		{directory: "plain", git: "plain/.git", common: "plain/.git"},
		{directory: "bare", git: "bare", common: "bare"},
		{directory: "linked", git: "plain/.git/worktrees/linked", common: "plain/.git"},
		{directory: "own", git: "own/inner.git", common: "own/inner.git"},
		{directory: "module", git: "plain/.git/modules/module", common: "plain/.git/modules/module"},
		{directory: "apart", git: "apart.git", common: "apart.git"},
		{directory: "sparse", git: "plain/.git/modules/sparse", common: "plain/.git/modules/sparse"},
		{directory: "twin", foreign: true},
		{directory: "halves", foreign: true},
		{directory: "hops", foreign: true},
		{directory: "stranger", foreign: true},
		{directory: "second", foreign: true},
		{directory: "shadow", foreign: true},
		{directory: "link", foreign: true},
		{directory: "borrower", foreign: true},
		{directory: "reader", foreign: true},
		{directory: "nothing", fails: true},
		{directory: "odd", fails: true},
		{directory: "none", fails: true},
	}
	for _, test := range tests {
		found, err := worktree.Find(filepath.Join(top, test.directory))
		var foreign *worktree.ForeignError
		if (err != nil) != (test.fails || test.foreign) || errors.As(err, &foreign) != test.foreign {
			t.Errorf("Find(%s): %v", test.directory, err)
		}
		if err != nil {
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

// TestCopy copies a linked working tree whose objects lie elsewhere in part, and checks what came and what did not.
func TestCopy(t *testing.T) {
	top := t.TempDir()
	main := write(t, filepath.Join(top, "main"), bare(".git/"))
	write(t, main, map[string]string{
		".git/config": "[credential]\n\thelper = mine\n", ".git/hooks/pre-commit": "x",
		".git/objects/info/alternates": filepath.Join(top, "shared"), ".git/objects/aa/one": "1",
		".git/worktrees/w/HEAD": "ref: refs/heads/main\n", ".git/worktrees/w/index": "index",
		".git/worktrees/w/commondir": "../..\n", ".git/worktrees/w/gitdir": filepath.Join(top, "from/.git") + "\n",
	})
	from := write(t, filepath.Join(top, "from"), map[string]string{
		".git": "gitdir: ../main/.git/worktrees/w\n",
		"file": "text", "dir/program": "x", "link": "->file", "untracked": "secret", "sub/inside": "y",
		"outside": "->/etc",
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
	for name, want := range map[string]string{"file": "text", "link": "text", "sub/inside": "y",
		".git/objects/aa/one": "1",
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
	if config, err := os.ReadFile(filepath.Join(to, ".git/config")); err != nil ||
		strings.Contains(string(config), "mine") {
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

// TestCopyOfForeignObjects has a working tree with a repository of its own that takes its objects from another one:
// whoever packed the tree may have written so.
func TestCopyOfForeignObjects(t *testing.T) {
	top := t.TempDir()
	from := write(t, filepath.Join(top, "from"), bare(".git/"))
	write(t, top, map[string]string{"private/aa/one": "1"})
	write(t, from, map[string]string{".git/objects/info/alternates": filepath.Join(top, "private"), "file": "text"})
	repository, err := worktree.Find(from)
	if err != nil {
		t.Fatal(err)
	}
	to := write(t, filepath.Join(top, "to"), map[string]string{"./": ""})
	var foreign *worktree.ForeignError
	if err := worktree.Copy(t.Context(), from, repository, []string{"file"}, to); !errors.As(err, &foreign) {
		t.Errorf("Copy() = %v", err)
	}
	if _, err := os.Lstat(filepath.Join(to, ".git/objects/aa/one")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the object was copied: %v", err)
	}
	if err := repository.Carry(from); !errors.As(err, &foreign) {
		t.Errorf("Carry() = %v", err)
	}
	write(t, from, map[string]string{".git/inner/aa/two": "2", ".git/hop/aa": "->../../../private/aa"})
	if err := os.WriteFile(filepath.Join(from, ".git/objects/info/alternates"), []byte("../inner\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	if err := repository.Carry(from); err != nil {
		t.Errorf("objects of the tree itself: %v", err)
	}
	if err := os.WriteFile(filepath.Join(from, ".git/objects/info/alternates"), []byte("../hop\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := repository.Carry(from); !errors.As(err, &foreign) {
		t.Errorf("Carry() of a link inside = %v", err)
	}
	if err := os.WriteFile(filepath.Join(from, ".git/objects/info/alternates"), []byte("../inner\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.RemoveAll(to), os.Mkdir(to, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := worktree.Copy(t.Context(), from, repository, []string{"file"}, to); err != nil {
		t.Errorf("objects of the tree itself: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(to, ".git/objects/aa/two")); err != nil {
		t.Error(err)
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
	err := worktree.Copy(t.Context(), from, worktree.Repository{GitDir: outside, CommonDir: outside},
		[]string{"dir/secret"}, to)
	if err == nil {
		t.Error("a file behind a link that leads out of the tree was copied")
	}
}
