package gitsrc_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

func TestSubmodules(t *testing.T) {
	server := serve(t, "any")
	inner := server.repo(t, "openshift/inner").commitFiles("main", "inner", map[string]string{"inner-file": "inner\n"})
	middle := server.repo(t, "openshift/middle").commitFiles("main", "middle", map[string]string{
		"deeper#":     inner,
		".gitmodules": "[submodule \"x\"]\npath = deeper\nurl = https://github.com/openshift/inner.git\n"})
	outer := server.repo(t, "openshift/component")
	self := outer.commitFiles("main", "self", map[string]string{"README": "self\n"})
	commit := outer.commitFiles("main", "outer",
		map[string]string{"vendor/middle#": middle, "self#": self, "nowhere#": inner,
			".gitmodules": "[submodule \"m\"]\n\tpath = vendor/middle\n\turl = ../middle\n[submodule \"s\"]\npath = self\nurl = ./\n"})
	s, told := server.store(t)
	tree := mustFetch(t, s, gitsrc.Request{Repository: component, Commit: commit})
	for name, want := range map[string]string{"vendor/middle/deeper/inner-file": "inner\n", "self/README": "self\n"} {
		if data, err := os.ReadFile(filepath.Join(tree.Directory, name)); err != nil || string(data) != want {
			t.Errorf("%s is %q, %v", name, data, err)
		}
	}
	if out := (repo{t, tree.Directory}).git("status", "--porcelain"); out != "" {
		t.Errorf("git status says:\n%s", out)
	}
	if !strings.Contains(told.String(), `submodule "nowhere" has no address`) {
		t.Errorf("nothing is said about the submodule without address:\n%s", told)
	}
	for _, address := range []string{"ext::sh -c touch% /tmp/pwn", "file:///etc", "/etc", "--upload-pack=x",
		"http://127.0.0.1:1/x",
		"https://127.0.0.1/x", "https://u:p@github.com/x", "$(id)"} {
		hostile := outer.commitFiles("hostile", address,
			map[string]string{"x#": inner, ".gitmodules": "[submodule \"x\"]\npath = x\nurl = \"" + address + "\"\n"})
		refused(t, s, gitsrc.Request{Repository: component, Commit: hostile}, ".gitmodules")
	}
}

func TestReleaseTree(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/release")
	files := map[string]string{"README.md": "release\n", "ci-operator/config/openshift/one/b.yaml@": "a.yaml",
		"out@": "../../etc/passwd", "loop@": "loop"}
	for _, name := range []string{"one/a.yaml", "one/c.yaml", "two/a.yaml"} {
		files["ci-operator/config/openshift/"+name] = "content of " + name
	}
	old := upstream.commitFiles("main", "one", map[string]string{"README.md": "old\n"})
	commit := upstream.commitFiles("main", "two", files)
	upstream.git("tag", "-am", "tag", "v1", commit)
	plain := filepath.Join(t.TempDir(), "plain")
	mustWork(t, upstream, "clone", "-q", upstream.dir, plain)
	s, _ := server.store(t)

	tests := []struct{ location, wantCommit, wantOrigin string }{
		{plain, "", plain},
		{upstream.dir, commit, upstream.dir + "@" + commit},
		{plain + "@main", commit, plain + "@" + commit},
		{plain + "@HEAD", commit, plain + "@" + commit},
		{plain + "@v1", commit, plain + "@" + commit},
		{plain + "@origin/main", commit, plain + "@" + commit},
		{upstream.dir + "@" + commit, commit, upstream.dir + "@" + commit},
		{"openshift/release", commit, "https://github.com/openshift/release@" + commit},
		{"https://github.com/openshift/release@main", commit, "https://github.com/openshift/release@" + commit},
	}
	for _, test := range tests {
		t.Run(test.location, func(t *testing.T) {
			r, err := s.ReleaseTree(context.Background(), test.location)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if r.Commit != test.wantCommit || r.Origin != test.wantOrigin {
				t.Errorf("commit %q, origin %q, want %q, %q", r.Commit, r.Origin, test.wantCommit, test.wantOrigin)
			}
			for _, name := range []string{"one/a.yaml", "one/b.yaml", "two/a.yaml"} {
				data, err := fs.ReadFile(r, "ci-operator/config/openshift/"+name)
				if want := "content of " + strings.Replace(name, "b", "a", 1); err != nil || string(data) != want {
					t.Errorf("%s is %q, %v, want %q", name, data, err, want)
				}
			}
			found, err := fs.Glob(r, "ci-operator/config/*/*/*.yaml")
			if err != nil || len(found) != 4 {
				t.Errorf("Glob = %v, %v", found, err)
			}
			for _, name := range []string{"out", "loop", "missing", "README.md/x", "../x"} {
				if data, err := fs.ReadFile(r, name); err == nil {
					t.Errorf("%s is %q, want an error", name, data)
				}
			}
		})
	}
	for location, kind := range map[string]fault.Kind{plain + "@nowhere": fault.Unresolved,
		"./nowhere": fault.Unresolved,
		"@main":     fault.Usage, "openshift/nothing": fault.Unresolved} {
		if _, err := s.ReleaseTree(context.Background(), location); fault.KindOf(err) != kind {
			t.Errorf("ReleaseTree(%q): %v (class %d), want %d", location, err, fault.KindOf(err), kind)
		}
	}
	if _, err := s.ReleaseTree(context.Background(), plain+"@"+old); err != nil {
		t.Errorf("an old commit of a local repository: %v", err)
	}
}

func mustWork(t *testing.T, r repo, args ...string) {
	t.Helper()
	r.git(args...)
}

func TestReleaseTreeFetchesWhatIsRead(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/release")
	files := map[string]string{}
	for dir := range 20 {
		for file := range 5 {
			files[fmt.Sprintf("dir%d/file%d", dir, file)] = fmt.Sprintf("content of %d in %d", file, dir)
		}
	}
	upstream.commitFiles("main", "one", files)
	s, _ := server.store(t)
	r, err := s.ReleaseTree(context.Background(), "openshift/release")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	before := server.requests.Load()
	for file := range 5 {
		if _, err := fs.ReadFile(r, fmt.Sprintf("dir3/file%d", file)); err != nil {
			t.Fatal(err)
		}
	}
	if n := server.requests.Load() - before; n != 1 {
		t.Errorf("%d requests for the files of one directory, want 1", n)
	}
	before = server.requests.Load()
	if err := r.Prefetch("."); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	if err := fstest.TestFS(r.FS, names...); err != nil {
		t.Error(err)
	}
	if n := server.requests.Load() - before; n != 1 {
		t.Errorf("%d requests for all files, want 1", n)
	}
	if err := r.Prefetch("."); err != nil {
		t.Fatal(err)
	}
	if n := server.requests.Load() - before; n != 1 {
		t.Errorf("%d requests for what is here", n-1)
	}
}

// TestBranchMoves moves a branch between two looks at it: a run sees one commit only.
func TestBranchMoves(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	first := upstream.commitFiles("main", "one", map[string]string{"README": "1"})
	s, _ := server.store(t)
	request := gitsrc.Request{Repository: component, Spec: parse(t, "@main")}
	r, viewed, err := s.View(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	second := upstream.commitFiles("main", "two", map[string]string{"README": "2"})
	if fetched := mustFetch(t, s, request); viewed.Commit != first || fetched.Commit != first {
		t.Errorf("viewed %s, fetched %s, want %s", viewed.Commit, fetched.Commit, first)
	}
	another, _ := server.store(t)
	if fetched := mustFetch(t, another, request); fetched.Commit != second {
		t.Errorf("another run fetched %s, want %s", fetched.Commit, second)
	}
}

func TestLog(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	first := upstream.commitFiles("main", "one", map[string]string{"README": "1"})
	topic := upstream.gitInput("work", "commit-tree", first+"^{tree}", "-p", first)
	merge := upstream.gitInput("Merge pull request #12 from me/topic\n\n[release-4.12] OCPBUGS-34,OCPBUGS-5: fix it\n",
		"commit-tree",
		first+"^{tree}", "-p", first, "-p", topic)
	upstream.git("update-ref", "refs/heads/main", merge)
	direct := upstream.commitFiles("main", "pushed", map[string]string{"README": "2"})
	merge2 := upstream.gitInput("Merge pull request #13 from me/other\n\nBug 1234, 99: more", "commit-tree",
		direct+"^{tree}", "-p",
		direct, "-p", topic)
	upstream.git("update-ref", "refs/heads/main", merge2)
	s, _ := server.store(t)
	got, err := s.Log(context.Background(), component, first, merge2)
	if err != nil {
		t.Fatal(err)
	}
	when := time.Unix(1600000000, 0).UTC()
	want := gitsrc.Log{Changes: []gitsrc.Change{
		{Commit: merge2, Time: when, Author: "A", Subject: "more", Pull: 13, Bugs: []string{"1234", "99"}},
		{Commit: merge, Time: when, Author: "A", Subject: "fix it", Pull: 12,
			Bugs: []string{"OCPBUGS-34", "OCPBUGS-5"}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Log (-want +got):\n%s", diff)
	}
	if got, err := s.Log(context.Background(), component, merge2, merge2); err != nil || len(got.Changes) != 0 {
		t.Errorf("Log of nothing = %+v, %v", got, err)
	}

	upstream.git("update-ref", "refs/heads/squash", first)
	squashed := upstream.commitFiles("squash", "OCPBUGS-7: squashed (#21)\n\nbody", map[string]string{"README": "3"})
	last := upstream.commitFiles("squash", "no pull request", map[string]string{"README": "4"})
	got, err = s.Log(context.Background(), component, first, last)
	if err != nil {
		t.Fatal(err)
	}
	want = gitsrc.Log{Elided: 1, Changes: []gitsrc.Change{{Commit: squashed, Time: when.Add(time.Second),
		Subject: "squashed",
		Author:  "A", Pull: 21, Bugs: []string{"OCPBUGS-7"}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Log of squashed commits (-want +got):\n%s", diff)
	}
}

func TestPrune(t *testing.T) {
	server := serve(t, "any")
	s, _ := server.store(t)
	for _, name := range []string{"openshift/old", "openshift/new"} {
		commit := server.repo(t, name).commitFiles("main", "one", map[string]string{"README": name})
		mustFetch(t, s, gitsrc.Request{Repository: "https://github.com/" + name, Commit: commit})
	}
	past := time.Now().Add(-48 * time.Hour)
	markers, err := filepath.Glob(filepath.Join(s.Directory(), "*old.git", "refs", "oc-rebuild", "tree", "*"))
	if err != nil || len(markers) != 1 {
		t.Fatalf("markers %v, %v", markers, err)
	}
	if err := os.Chtimes(markers[0], past, past); err != nil {
		t.Fatal(err)
	}
	removed, err := s.Prune(context.Background(), time.Now().Add(-24*time.Hour))
	if err != nil || len(removed) != 1 || removed[0].Repository != "github.com/openshift/old" {
		t.Errorf("Prune = %+v, %v", removed, err)
	}
	left, err := s.List()
	if err != nil || len(left) != 1 || left[0].Repository != "github.com/openshift/new" || left[0].Bytes == 0 ||
		time.Since(left[0].LastUsed) > time.Minute {
		t.Errorf("List = %+v, %v", left, err)
	}
}

func TestView(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	s, _ := server.store(t)
	r, tree, err := s.View(context.Background(),
		gitsrc.Request{Repository: component, Commit: commit, Branch: "release-4.12"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := gitsrc.Tree{Kind: gitsrc.Payload, Repository: component, Commit: commit, Ref: "release-4.12",
		Time: time.Unix(1600000000, 0).UTC()}
	if diff := cmp.Diff(want, tree); diff != "" {
		t.Errorf("View (-want +got):\n%s", diff)
	}
	if data, err := fs.ReadFile(r, "link"); err != nil || string(data) != "hello\n" {
		t.Errorf("a file through a link is %q, %v", data, err)
	}
	// What was fetched for looking does not count as a checkout's files.
	checkClean(t, mustFetch(t, s, gitsrc.Request{Repository: component, Commit: commit}))

	work, _ := workingTree(t)
	write(t, work.dir, "README", "changed\n")
	r, tree, err = s.View(context.Background(), gitsrc.Request{Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: work.dir}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if data, err := fs.ReadFile(r, "README"); err != nil || string(data) != "changed\n" || !tree.Dirty {
		t.Errorf("README of a local tree is %q, %v; %+v", data, err, tree)
	}
}
