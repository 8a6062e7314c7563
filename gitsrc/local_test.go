package gitsrc_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// workingTree clones a repository with some files, as a user would.
func workingTree(t *testing.T) (repo, string) {
	t.Helper()
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	files := someFiles()
	files[".gitignore"] = "/bin/\n*.o\n!keep.o\n_output\n"
	files["sub/.gitignore"] = "generated\n"
	files["sub/file"] = "sub\n"
	commit := upstream.commitFiles("release-4.12", "one", files)
	dir := filepath.Join(t.TempDir(), "work")
	upstream.git("clone", "-q", "-b", "release-4.12", upstream.dir, dir)
	return repo{t, dir}, commit
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func openCache(t *testing.T) *gitsrc.Store {
	t.Helper()
	home := t.TempDir()
	write(t, home, ".config/git/ignore", ".DS_Store\n")
	s, err := gitsrc.Open(filepath.Join(t.TempDir(), "cache"), gitsrc.Options{Getenv: func(name string) string {
		return map[string]string{"HOME": home, "GIT_CONFIG_NOSYSTEM": "1"}[name]
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLocalTree(t *testing.T) {
	tests := []struct {
		description string
		change      func(t *testing.T, w repo)
		dirty       bool
		ignored     []string
	}{
		{"clean", func(*testing.T, repo) {}, false, nil},
		{"touched only", func(t *testing.T, w repo) { write(t, w.dir, "README", "hello\n") }, false, nil},
		{"touched where git converts lines", func(t *testing.T, w repo) {
			write(t, w.dir, ".gitattributes", "*.bat eol=crlf\n*.c ident\n")
			write(t, w.dir, "a.bat", "x\r\ny\r\n")
			write(t, w.dir, "a.c", "$Id: x $\n")
			w.git("add", ".")
			w.git("commit", "-qm", "converted")
			write(t, w.dir, "a.bat", "x\r\ny\r\n")
			write(t, w.dir, "a.c", "$Id: x $\n")
		}, false, nil},
		{"changed where git converts lines", func(t *testing.T, w repo) {
			write(t, w.dir, ".gitattributes", "*.bat eol=crlf\n")
			write(t, w.dir, "a.bat", "x\r\ny\r\n")
			w.git("add", ".")
			w.git("commit", "-qm", "converted")
			write(t, w.dir, "a.bat", "x\r\nz\r\n")
		}, true, nil},
		{"changed", func(t *testing.T, w repo) { write(t, w.dir, "README", "HELLO\n") }, true, nil},
		{"staged", func(t *testing.T, w repo) {
			write(t, w.dir, "README", "HELLO\n")
			w.git("add", ".")
			write(t, w.dir, "README", "hello\n")
		}, true, nil},
		{"deleted", func(t *testing.T, w repo) { os.Remove(filepath.Join(w.dir, "README")) }, true, nil},
		{"a whole directory deleted",
			func(t *testing.T, w repo) { os.RemoveAll(filepath.Join(w.dir, "deep")) }, true, nil},
		{"executable", func(t *testing.T, w repo) { os.Chmod(filepath.Join(w.dir, "README"), 0o755) }, true, nil},
		{"a link that leads elsewhere", func(t *testing.T, w repo) {
			os.Remove(filepath.Join(w.dir, "link"))
			os.Symlink("Dockerfile", filepath.Join(w.dir, "link"))
		}, true, nil},
		{"untracked", func(t *testing.T, w repo) { write(t, w.dir, "new/file", "x") }, true, nil},
		{"ignored", func(t *testing.T, w repo) {
			for _, name := range []string{"bin/tool", "a.o", "sub/generated", "deep/_output/x", ".DS_Store"} {
				write(t, w.dir, name, "x")
			}
		}, false, []string{".DS_Store", "a.o", "bin/", "deep/_output/", "sub/generated"}},
		{"a clone inside", func(t *testing.T, w repo) {
			write(t, w.dir, "deep/clone/.git/config", "[remote]\nurl = https://me:secret@host\n")
			write(t, w.dir, "deep/clone/file", "x")
		}, true, []string{"deep/clone/.git"}},
		{"an exception from what is ignored", func(t *testing.T, w repo) { write(t, w.dir, "keep.o", "x") }, true, nil},
		{"ignored but tracked", func(t *testing.T, w repo) {
			write(t, w.dir, "bin/tool", "x")
			w.git("add", "-f", "bin/tool")
			w.git("commit", "-qm", "tool")
		}, false, nil},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			w, _ := workingTree(t)
			test.change(t, w)
			status := w.git("status", "--porcelain")
			before := listing(t, w.dir)
			s := openCache(t)
			tree, err := s.Fetch(context.Background(),
				gitsrc.Request{Repository: component, Branch: "other",
					Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: w.dir}}, "/nonexistent")
			if err != nil {
				t.Fatal(err)
			}
			if tree.Dirty != test.dirty || tree.Dirty != (status != "") && test.description != "ignored" {
				t.Errorf("Dirty is %v, git status says %q", tree.Dirty, status)
			}
			slices.Sort(tree.Ignored)
			if diff := cmp.Diff(test.ignored, tree.Ignored); diff != "" {
				t.Errorf("Ignored (-want +got):\n%s", diff)
			}
			if tree.Directory != w.dir || tree.Commit != w.git("rev-parse", "HEAD") || tree.Ref != "release-4.12" ||
				tree.Repository != component || tree.Time.IsZero() {
				t.Errorf("Fetch = %+v", tree)
			}
			if after := listing(t, w.dir); after != before {
				t.Errorf("the user's tree has changed:\n%s\n%s", before, after)
			}
		})
	}
}

const readmePatch = `From 1111111111111111111111111111111111111111 Mon Sep 17 00:00:00 2001
From: A <a@x>
Date: Sun, 13 Sep 2020 12:26:40 +0000
Subject: [PATCH] change

---
 README | 2 +-
 1 file changed, 1 insertion(+), 1 deletion(-)

diff --git a/README b/README
index 1111111..2222222 100644
--- a/README
+++ b/README
@@ -1 +1 @@
-hello
+patched
-- 
2.39.5
`

func TestPatchOnLocalTreeLeavesItAlone(t *testing.T) {
	w, commit := workingTree(t)
	write(t, w.dir, "untracked", "mine\n")
	write(t, w.dir, "bin/ignored", "x")
	patches := t.TempDir()
	write(t, patches, "one.patch", readmePatch)
	before := listing(t, w.dir)
	s := openCache(t)
	req := gitsrc.Request{Repository: component, Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: w.dir},
		Patches: []string{filepath.Join(patches, "one.patch")}}
	tree := mustFetch(t, s, req)
	if !tree.Dirty || tree.Commit != commit || tree.Directory == w.dir {
		t.Errorf("Fetch = %+v", tree)
	}
	copied := repo{t, tree.Directory}
	if got := copied.git("status", "--porcelain"); got != " M README\n?? untracked" {
		t.Errorf("git status of the copy says:\n%s", got)
	}
	copied.git("fsck")
	if after := listing(t, w.dir); after != before {
		t.Errorf("the user's tree has changed:\n%s\n%s", before, after)
	}
	if data, err := os.ReadFile(filepath.Join(tree.Directory, "README")); err != nil || string(data) != "patched\n" {
		t.Errorf("README is %q, %v", data, err)
	}
}

func TestLocalTreesOfOtherKinds(t *testing.T) {
	w, commit := workingTree(t)
	s := openCache(t)
	local := func(dir string) gitsrc.Request {
		return gitsrc.Request{Repository: component, Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: dir}}
	}
	if _, err := s.Fetch(context.Background(), local(filepath.Join(w.dir, "deep")),
		""); fault.KindOf(err) != fault.Unresolved ||
		!strings.Contains(fault.AdviceOf(err), w.dir) {
		t.Errorf("a part of a working tree: %v, advice %q", err, fault.AdviceOf(err))
	}
	if _, err := s.Fetch(context.Background(), local(filepath.Join(w.dir, "README")),
		""); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("a file: %v", err)
	}
	linked := filepath.Join(t.TempDir(), "linked")
	w.git("worktree", "add", "-q", "-b", "topic", linked)
	tree := mustFetch(t, s, local(linked))
	if tree.Directory == linked || tree.Commit != commit || tree.Ref != "topic" || tree.Dirty {
		t.Errorf("a linked working tree: %+v", tree)
	}
	if out := (repo{t, tree.Directory}).git("status", "--porcelain", "-b"); out != "## topic" {
		t.Errorf("git status of its copy says %q", out)
	}
	w.git("checkout", "-q", "--detach")
	if tree := mustFetch(t, s, local(w.dir)); tree.Ref != "" || tree.Commit != commit {
		t.Errorf("a detached HEAD: %+v", tree)
	}
	bare := filepath.Join(t.TempDir(), "bare.git")
	w.git("clone", "-q", "--bare", w.dir, bare)
	if _, err := s.Fetch(context.Background(), local(bare), ""); fault.KindOf(err) != fault.Unresolved ||
		!strings.Contains(fault.AdviceOf(err), "file://"+bare+"@") {
		t.Errorf("a bare repository: %v, advice %q", err, fault.AdviceOf(err))
	}
	named := gitsrc.Request{Repository: component, Spec: parse(t, "file://"+bare+"@release-4.12")}
	if tree := mustFetch(t, s, named); tree.Commit != commit || tree.Ref != "release-4.12" {
		t.Errorf("a branch of a bare repository: %+v", tree)
	}
	plain := t.TempDir()
	write(t, plain, "Dockerfile", "FROM scratch\n")
	write(t, plain, "a/clone/.git/config", "[remote]\nurl = https://me:secret@host\n")
	write(t, plain, "a/tree/.git", "gitdir: elsewhere\n")
	if tree := mustFetch(t, s, local(plain)); tree.Commit != "" || !tree.Dirty || tree.Directory != plain ||
		!slices.Equal(tree.Ignored, []string{"a/clone/.git", "a/tree/.git"}) {
		t.Errorf("a directory without git: %+v", tree)
	}
	young := repo{t, t.TempDir()}
	young.git("init", "-q", "-b", "main")
	write(t, young.dir, "file", "x")
	if tree := mustFetch(t, s, local(young.dir)); tree.Commit != "" || !tree.Dirty || tree.Ref != "main" {
		t.Errorf("a repository without commits: %+v", tree)
	}
}

// TestOddRepositories has working trees of which git keeps what is not understood here: they are refused, never built as
// something else.
func TestOddRepositories(t *testing.T) {
	for _, test := range []struct {
		description  string
		make         func(t *testing.T, w repo)
		what, advice string
	}{
		{"a split index", func(_ *testing.T, w repo) { w.git("update-index", "--split-index") }, "split or sparse",
			"git update-index --no-split-index"},
		{"a sparse index", func(_ *testing.T, w repo) { w.git("sparse-checkout", "set", "--cone", "--sparse-index", "sub") },
			"split or sparse", "git sparse-checkout disable"},
		{"a reftable", func(t *testing.T, w repo) { write(t, w.dir, ".git/HEAD", "ref: refs/heads/.invalid\n") },
			"git refs migrate", ""},
	} {
		t.Run(test.description, func(t *testing.T) {
			w, _ := workingTree(t)
			test.make(t, w)
			_, err := openCache(t).Fetch(context.Background(), gitsrc.Request{Repository: component,
				Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: w.dir}}, t.TempDir())
			if err == nil || !strings.Contains(err.Error(), test.what) ||
				!strings.Contains(fault.AdviceOf(err), test.advice) {
				t.Errorf("the error is %v, the advice %q", err, fault.AdviceOf(err))
			}
		})
	}
}

// TestPatchBesideAClone copies a directory without git for a patch: the .git of a clone in it stays out of what follows.
func TestPatchBesideAClone(t *testing.T) {
	plain, patch := t.TempDir(), filepath.Join(t.TempDir(), "a.patch")
	write(t, plain, "README", "hello\n")
	write(t, plain, "a/clone/.git/config", "[remote]\nurl = https://me:secret@host\n")
	write(t, filepath.Dir(patch), "a.patch", readmePatch)
	tree := mustFetch(t, openCache(t), gitsrc.Request{Repository: component, Patches: []string{patch},
		Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: plain}})
	if want := []string{"a/clone/.git"}; !slices.Equal(tree.LeftOut(), want) {
		t.Errorf("left out are %q, want %q", tree.LeftOut(), want)
	}
}

// TestWriteHead makes a .git of the commit of a working tree alone, which git takes for that of a checkout.
func TestWriteHead(t *testing.T) {
	w, commit := workingTree(t)
	w.git("checkout", "-q", "-b", "mine", "--no-track")
	w.git("remote", "set-url", "origin", "https://user:secret@example.com/x")
	write(t, w.dir, "README", "mine\n")
	w.git("commit", "-qam", "mine")
	w.git("gc", "-q")
	write(t, w.dir, "sub/file", "loose\n")
	w.git("commit", "-qam", "loose")
	s := openCache(t)
	request := gitsrc.Request{Repository: component, Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: w.dir}}
	for _, branch := range []string{"mine", ""} {
		if branch == "" {
			w.git("checkout", "-q", "--detach")
		}
		tree := mustFetch(t, s, request)
		made := repo{t, filepath.Join(t.TempDir(), "made")}
		if err := os.CopyFS(made.dir, os.DirFS(w.dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(made.dir, ".git")); err != nil {
			t.Fatal(err)
		}
		if err := s.WriteHead(t.Context(), tree, made.dir); err != nil {
			t.Fatal(err)
		}
		made.git("fsck", "--strict")
		if got := made.git("status", "--porcelain"); got != "" {
			t.Errorf("git status says %q", got)
		}
		if got, want := made.git("log", "--format=%H %D"),
			w.git("log", "-1", "--format=%H"); !strings.HasPrefix(got, want) || strings.Contains(got, "\n") ||
			strings.Contains(got, "origin") || strings.Contains(got, "mine") != (branch == "mine") {
			t.Errorf("git log says %q, want %q alone, on branch %q", got, want, branch)
		}
		if got := made.git("rev-list", "--all", "--objects"); strings.Contains(got, commit) {
			t.Errorf("there is more than one commit:\n%s", got)
		}
		if got := made.git("config", "--list", "--local"); strings.Contains(got, "secret") {
			t.Errorf("the user's configuration is there: %s", got)
		}
		write(t, made.dir, "README", "changed\n")
		if got := made.git("diff", "--stat"); !strings.Contains(got, "README") {
			t.Errorf("git diff says %q", got)
		}
	}
	if err := s.WriteHead(t.Context(), gitsrc.Tree{Directory: t.TempDir()}, "/nonexistent"); err != nil {
		t.Errorf("a tree without a commit: %v", err)
	}
}

// TestIgnoredFilesCount takes what git ignores along, as a file like others.
func TestIgnoredFilesCount(t *testing.T) {
	w, _ := workingTree(t)
	write(t, w.dir, "bin/tool", "x")
	s, err := gitsrc.Open(filepath.Join(t.TempDir(), "cache"), gitsrc.Options{Ignored: true})
	if err != nil {
		t.Fatal(err)
	}
	patches := t.TempDir()
	write(t, patches, "good.patch", readmePatch)
	request := gitsrc.Request{Repository: component, Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: w.dir}}
	if tree := mustFetch(t, s, request); !tree.Dirty || len(tree.Ignored) > 0 {
		t.Errorf("Fetch = %+v", tree)
	}
	request.Patches = []string{filepath.Join(patches, "good.patch")}
	if _, err := os.Stat(filepath.Join(mustFetch(t, s, request).Directory, "bin/tool")); err != nil {
		t.Error(err)
	}
}

// TestOriginOfLocalTree builds from clones of the payload's repository, of a fork, and of both.
func TestOriginOfLocalTree(t *testing.T) {
	w, commit := workingTree(t)
	w.git("remote", "set-url", "origin", component+".git")
	w.git("checkout", "-q", "-b", "mine", "--no-track")
	commitOf := func(text string) {
		t.Helper()
		write(t, w.dir, "README", text)
		w.git("commit", "-qam", text)
	}
	s := openCache(t)
	look := func(description, repository string, unpublished bool) {
		t.Helper()
		tree := mustFetch(t, s, gitsrc.Request{Repository: component, Commit: commit,
			Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: w.dir}})
		if tree.Repository != repository || tree.Unpublished != unpublished ||
			tree.Commit != w.git("rev-parse", "HEAD") || tree.Ref != "mine" {
			t.Errorf("%s: %+v", description, tree)
		}
	}
	look("the payload's commit", component, false)
	commitOf("one")
	look("a commit that nobody has", component, true)
	w.git("update-ref", "refs/remotes/origin/topic", "HEAD")
	commitOf("two")
	w.git("update-ref", "refs/remotes/origin/topic", "HEAD")
	w.git("checkout", "-q", "-B", "mine", "HEAD~")
	look("a commit of the payload's repository", component, false)
	w.git("remote", "rename", "origin", "upstream")
	w.git("remote", "add", "alice", "git@github.com:alice/component.git")
	commitOf("three")
	w.git("update-ref", "refs/remotes/alice/mine", "HEAD")
	w.git("pack-refs", "--all")
	look("a commit of a fork", "https://github.com/alice/component", false)
	w.git("remote", "add", "bob", "git@github.com:bob/component.git")
	w.git("remote", "rename", "upstream", "last") // the payload's repository comes last in the configuration
	w.git("config", "--rename-section", "remote.last", "remote.moved")
	w.git("config", "--remove-section", "remote.moved")
	w.git("remote", "add", "upstream", component+".git")
	w.git("update-ref", "refs/remotes/bob/mine", "HEAD")
	look("a commit of two forks", "https://github.com/alice/component", false)
	w.git("update-ref", "refs/remotes/upstream/mine", "HEAD")
	look("a commit of both", component, false)
	w.git("remote", "remove", "bob")
	w.git("remote", "remove", "upstream")
	look("a commit of a fork's clone", "https://github.com/alice/component", false)
	w.git("checkout", "-q", "-B", "mine", commit)
	look("the payload's commit in a fork's clone", component, false)
	w.git("remote", "remove", "alice")
	commitOf("four")
	look("no remotes", component, true)
}

func TestPatchOnCommit(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	s, _ := server.store(t)
	patches := t.TempDir()
	write(t, patches, "good.patch", readmePatch)
	write(t, patches, "bad.patch", strings.Replace(readmePatch, "-hello", "-goodbye", 1))
	tree := mustFetch(t, s, gitsrc.Request{Repository: component, Commit: commit,
		Patches: []string{filepath.Join(patches, "good.patch")}})
	if !tree.Dirty || (repo{t, tree.Directory}).git("status", "--porcelain") != " M README" {
		t.Errorf("Fetch = %+v", tree)
	}
	if v := tree.Variables(); !slices.Contains(v, gitsrc.Variable{Name: "SOURCE_GIT_TREE_STATE", Value: "dirty"}) {
		t.Errorf("Variables = %v", v)
	}
	err := refused(t, s, gitsrc.Request{Repository: component, Commit: commit,
		Patches: []string{filepath.Join(patches, "bad.patch")}}, `file "README": hunk 1 (@@ -1,1 +1,1 @@)`)
	if fault.KindOf(err) != fault.Unresolved {
		t.Errorf("class %d", fault.KindOf(err))
	}
}
