package gitsrc_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
)

const submodulePath = "vendor/inner"

// withSubmodule clones a repository with a submodule, as a user would.
func withSubmodule(t *testing.T) repo {
	t.Helper()
	server := serve(t, "any")
	inner := server.repo(t, "openshift/inner")
	id := inner.commitFiles("main", "inner", map[string]string{"file": "inner\n", ".gitignore": "*.o\n"})
	outer := server.repo(t, "openshift/component")
	outer.commitFiles("main", "outer", map[string]string{submodulePath + "#": id, "README": "outer\n",
		".gitmodules": "[submodule \"inner\"]\npath = " + submodulePath + "\nurl = ../inner.git\n"})
	w := repo{t, filepath.Join(t.TempDir(), "work")}
	outer.git("-c", "protocol.file.allow=always", "clone", "-q", "--recurse-submodules", outer.dir, w.dir)
	return w
}

// TestCopyWithSubmodule has a working tree that is copied to be built: git knows its way in the copy.
func TestCopyWithSubmodule(t *testing.T) {
	w := withSubmodule(t)
	linked := repo{t, filepath.Join(t.TempDir(), "linked")}
	w.git("worktree", "add", "-q", "--detach", linked.dir)
	linked.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
	tree := mustFetch(t, openCache(t), gitsrc.Request{Repository: component,
		Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: linked.dir}})
	if says := (repo{t, tree.Directory}).git("status", "--porcelain"); says != "" || tree.Dirty {
		t.Errorf("git status says %q of the copy, dirty is %v", says, tree.Dirty)
	}
	if _, err := os.Stat(filepath.Join(tree.Directory, submodulePath, "file")); err != nil {
		t.Error(err)
	}
}

// A patch on a commit with a submodule makes a tree that is digested: the submodule's packs are not part of that.
func TestPatchOnCommitWithSubmodule(t *testing.T) {
	server := serve(t, "any")
	inner := server.repo(t, "openshift/inner").commitFiles("main", "inner", map[string]string{"file": "inner\n"})
	commit := server.repo(t, "openshift/component").commitFiles("main", "outer",
		map[string]string{submodulePath + "#": inner, "README": "hello\n",
			".gitmodules": "[submodule \"inner\"]\npath = " + submodulePath + "\nurl = ../inner.git\n"})
	patch := filepath.Join(t.TempDir(), "a.patch")
	write(t, filepath.Dir(patch), "a.patch", readmePatch)
	s, _ := server.store(t)
	tree := mustFetch(t, s, gitsrc.Request{Repository: component, Commit: commit, Patches: []string{patch}})
	if want := []string{submodulePath + "/.git"}; !slices.Equal(tree.LeftOut(), want) || len(tree.Ignored) > 0 {
		t.Errorf("left out are %q, hidden %q, want %q", tree.LeftOut(), tree.Ignored, want)
	}
}

// TestSubmodulesOfLocalTree has working trees with a submodule in each state that a user may leave it in. What git
// calls a clean tree is one, but for files of which git knows nothing.
func TestSubmodulesOfLocalTree(t *testing.T) {
	const path = submodulePath
	at := func(w repo, name string) string { return filepath.Join(w.dir, path, name) }
	tests := []struct {
		description    string
		change         func(t *testing.T, w repo)
		dirty          bool
		ignored, empty []string
		odd            bool // git knows nothing of it, or fails
	}{
		{"as it was committed", func(*testing.T, repo) {}, false, nil, nil, false},
		{"files that it ignores", func(t *testing.T, w repo) { write(t, w.dir, path+"/x.o", "") }, false,
			[]string{path + "/x.o"}, nil, false},
		{"an edited file", func(t *testing.T, w repo) { write(t, w.dir, path+"/file", "edited\n") }, true, nil, nil, false},
		{"a new file", func(t *testing.T, w repo) { write(t, w.dir, path+"/new", "new\n") }, true, nil, nil, false},
		{"another commit", func(_ *testing.T, w repo) {
			w.git("-C", path, "commit", "-q", "--allow-empty", "-m", "another")
		}, true, nil, nil, false},
		{"not checked out", func(_ *testing.T, w repo) { w.git("submodule", "--quiet", "deinit", "--all") }, false, nil,
			[]string{path}, false},
		{"one inside another, not checked out", func(t *testing.T, w repo) {
			if err := os.Mkdir(at(w, "deep"), 0o755); err != nil {
				t.Fatal(err)
			}
			w.git("-C", path, "update-index", "--add", "--cacheinfo", "160000,"+w.git("rev-parse", "HEAD")+",deep")
			w.git("-C", path, "commit", "-qm", "deep")
			w.git("commit", "-qam", "deep")
		}, false, nil, []string{path + "/deep"}, false},
		{"removed", func(t *testing.T, w repo) { remove(t, at(w, "")) }, true, nil, nil, false},
		{"a link", func(t *testing.T, w repo) {
			remove(t, at(w, ""))
			if err := os.Symlink("/", filepath.Join(w.dir, path)); err != nil {
				t.Fatal(err)
			}
		}, true, nil, nil, true},
		{"files of nobody", func(t *testing.T, w repo) {
			w.git("submodule", "--quiet", "deinit", "--all")
			write(t, w.dir, path+"/file", "inner\n")
		}, true, nil, nil, true},
		{"objects that are gone", func(t *testing.T, w repo) {
			remove(t, filepath.Join(w.dir, ".git/modules/inner/objects"))
			if err := os.Mkdir(filepath.Join(w.dir, ".git/modules/inner/objects"), 0o755); err != nil {
				t.Fatal(err)
			}
		}, true, nil, nil, true},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			t.Parallel()
			w := withSubmodule(t)
			test.change(t, w)
			tree, err := openCache(t).Fetch(context.Background(), gitsrc.Request{Repository: component,
				Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: w.dir}}, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(at(w, ".git")); (err == nil) != slices.Contains(tree.LeftOut(), path+"/.git") &&
				!test.odd {
				t.Errorf("left out are %q; of the submodule's .git stat says %v", tree.LeftOut(), err)
			}
			ignored := slices.DeleteFunc(slices.Clone(tree.Ignored), func(n string) bool { return n == path+"/.git" })
			if hidden := len(ignored) < len(tree.Ignored); hidden && !test.odd {
				t.Error("the submodule's .git is hidden from steps")
			}
			if tree.Dirty != test.dirty || !slices.Equal(ignored, test.ignored) ||
				!slices.Equal(tree.Empty, test.empty) {
				t.Errorf("dirty is %v, ignored are %q, empty are %q; want %v, %q, %q", tree.Dirty, tree.Ignored,
					tree.Empty, test.dirty, test.ignored, test.empty)
			}
			if test.odd {
				return
			}
			if len(test.empty) == 0 && test.description != "removed" {
				head := w.git("-C", path, "rev-parse", "HEAD")
				where := []string{filepath.Join(w.dir, ".git"), filepath.Join(w.dir, ".git/modules/inner")}
				if !maps.Equal(tree.Heads, map[string]string{path: head}) || !slices.Equal(tree.Git, where) {
					t.Errorf("submodules are at %q and git has them in %q, want %q and %q", tree.Heads, tree.Git, head, where)
				}
			}
			if says := w.git("status", "--porcelain"); (says != "") != tree.Dirty {
				t.Errorf("git status says %q", says)
			}
		})
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.RemoveAll(name); err != nil {
		t.Fatal(err)
	}
}

// A submodule of which git keeps what is not understood here, or that claims another repository, is refused as a tree is.
func TestOddSubmodules(t *testing.T) {
	for description, change := range map[string]func(t *testing.T, w repo){
		"split or sparse": func(_ *testing.T, w repo) { w.git("-C", submodulePath, "update-index", "--split-index") },
		"reftable": func(t *testing.T, w repo) {
			write(t, w.dir, ".git/modules/inner/HEAD", "ref: refs/heads/.invalid\n")
		},
		"does not know this working tree": func(t *testing.T, w repo) {
			write(t, w.dir, submodulePath+"/.git", "gitdir: "+filepath.Join(w.dir, ".git")+"\n")
		},
	} {
		w := withSubmodule(t)
		change(t, w)
		_, err := openCache(t).Fetch(context.Background(), gitsrc.Request{Repository: component,
			Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: w.dir}}, t.TempDir())
		if err == nil || !strings.Contains(err.Error(), description) || !strings.Contains(err.Error(), submodulePath) {
			t.Errorf("%s: %v", description, err)
		}
	}
}
