package gitsrc_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

const component = "https://github.com/openshift/component"

// files of the first commit of the component that most tests use.
func someFiles() map[string]string {
	return map[string]string{
		"README": "hello\n", "Dockerfile": "FROM scratch\n", "hack/build.sh*": "#!/bin/sh\n", "link@": "README",
		"out@":                    "/etc/passwd",
		"deep/er/and/deeper/file": strings.Repeat("text\n", 1000), "empty": "",
	}
}

func parse(t *testing.T, source string) gitsrc.Spec {
	t.Helper()
	spec, err := gitsrc.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func mustFetch(t *testing.T, s *gitsrc.Store, req gitsrc.Request) gitsrc.Tree {
	t.Helper()
	tree, err := s.Fetch(context.Background(), req, filepath.Join(t.TempDir(), "checkout"))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// checkClean asks git whether a checkout is complete and unchanged.
func checkClean(t *testing.T, tree gitsrc.Tree) {
	t.Helper()
	r := repo{t, tree.Directory}
	if out := r.git("status", "--porcelain", "--ignored"); out != "" {
		t.Errorf("git status says:\n%s", out)
	}
	if out := r.git("rev-parse", "HEAD"); out != tree.Commit {
		t.Errorf("HEAD is %s, want %s", out, tree.Commit)
	}
	if out := r.git("symbolic-ref", "--short", "HEAD"); out != tree.Ref {
		t.Errorf("the checkout is on branch %q, want %q", out, tree.Ref)
	}
	r.git("fsck", "--full", "--strict")
}

func TestFetchPayloadCommit(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	commit := upstream.commitFiles("release-4.12", "one", someFiles())
	upstream.commitFiles("release-4.12", "two", map[string]string{"README": "changed\n"})
	s, _ := server.store(t)
	req := gitsrc.Request{Repository: component, Commit: commit, Branch: "release-4.12"}

	tree := mustFetch(t, s, req)
	want := gitsrc.Tree{Kind: gitsrc.Payload, Repository: component, Commit: commit, Ref: "release-4.12",
		Time: time.Unix(1600000000, 0).UTC(), Directory: tree.Directory}
	if diff := cmp.Diff(want, tree); diff != "" {
		t.Errorf("Fetch (-want +got):\n%s", diff)
	}
	checkClean(t, tree)
	for name, text := range someFiles() {
		switch name[len(name)-1] {
		case '@':
			target, err := os.Readlink(filepath.Join(tree.Directory, name[:len(name)-1]))
			if err != nil || target != text {
				t.Errorf("link %s leads to %q, %v, want %q", name, target, err, text)
			}
			continue
		case '*':
			name = name[:len(name)-1]
		}
		data, err := os.ReadFile(filepath.Join(tree.Directory, name))
		if err != nil || string(data) != text {
			t.Errorf("file %s is %q, %v, want %q", name, data, err, text)
		}
	}
	wantVariables := []gitsrc.Variable{{"SOURCE_GIT_COMMIT", commit}, {"SOURCE_GIT_TREE_STATE", "clean"},
		{"SOURCE_GIT_URL", component}, {"SOURCE_DATE_EPOCH", "1600000000"}}
	if diff := cmp.Diff(wantVariables, tree.Variables()); diff != "" {
		t.Errorf("Variables (-want +got):\n%s", diff)
	}

	server.Close()
	again := mustFetch(t, s, req)
	checkClean(t, again)
	if left, right := listing(t, tree.Directory), listing(t, again.Directory); left != right {
		t.Errorf("two checkouts differ:\n%s\n%s", left, right)
	}
}

// listing is all that an archive of a checkout would hold, without .git.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.Name() == ".git" {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		info, err := e.Info()
		if err != nil || path == dir {
			return err
		}
		fmt.Fprintf(&out, "%s %s %d %s\n", strings.TrimPrefix(path, dir), info.Mode(), info.Size(),
			info.ModTime().UTC())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestFetchNamesOfEveryKind(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	first := upstream.commitFiles("main", "one", someFiles())
	upstream.git("tag", "-am", "first", "v1", first)
	upstream.git("update-ref", "refs/tags/light", first)
	main := upstream.commitFiles("main", "two", map[string]string{"README": "two\n"})
	release := upstream.commitFiles("release-4.12", "three", map[string]string{"README": "three\n"})
	pull := upstream.commitFiles("topic", "four", map[string]string{"README": "four\n"})
	merge := upstream.commitFiles("merged", "five", map[string]string{"README": "five\n"})
	upstream.git("update-ref", "refs/pull/7/head", pull)
	upstream.git("update-ref", "refs/pull/7/merge", merge)
	upstream.git("update-ref", "refs/merge-requests/8/head", pull)
	upstream.git("update-ref", "refs/heads/ahead", main)
	ahead := upstream.commitFiles("ahead", "eight", map[string]string{"README": "eight\n"})
	upstream.git("update-ref", "refs/pull/9/head", ahead)
	fork := server.repo(t, "me/component")
	forked := fork.commitFiles("main", "six", map[string]string{"README": "six\n"})
	fix := fork.commitFiles("fix/one", "seven", map[string]string{"README": "seven\n"})

	s, _ := server.store(t)
	tests := []struct{ source, branch, wantCommit, wantRef, wantTag, wantRepository string }{
		{"@main", "", main, "main", "", component},
		{"@release-4.12", "main", release, "main", "", component},
		{"@release-4.12", "", release, "release-4.12", "", component},
		{"@v1", "release-4.12", first, "release-4.12", "v1", component},
		{"@light", "", first, "main", "light", component},
		{"@" + first, "", first, "main", "", component},
		{"@HEAD", "", main, "main", "", component},
		{"#7", "release-4.12", pull, "release-4.12", "", component},
		{"#7:merge", "", merge, "main", "", component},
		{"#8", "", pull, "main", "", component},
		{"#9:merge", "", ahead, "main", "", component}, // without a merge on the server: it holds all of its base
		{"me/component", "", forked, "main", "", "https://github.com/me/component"},
		{"me/component@fix/one", "", fix, "fix/one", "", "https://github.com/me/component"},
		{"https://github.com/me/component.git@" + fix, "main", fix, "main", "", "https://github.com/me/component"},
		{server.URL + "/me/component@fix/one", "", fix, "fix/one", "", server.URL + "/me/component"},
		{"file://" + fork.dir + "@fix/one", "", fix, "fix/one", "", "file://" + strings.TrimSuffix(fork.dir, ".git")},
		{"file://" + fork.dir + "@" + forked, "", forked, "main", "", "file://" + strings.TrimSuffix(fork.dir, ".git")},
	}
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			tree := mustFetch(t, s, gitsrc.Request{Repository: component, Commit: first, Branch: test.branch,
				Spec: parse(t, test.source)})
			checkClean(t, tree)
			if tree.Commit != test.wantCommit || tree.Ref != test.wantRef || tree.Tag != test.wantTag ||
				tree.Repository != test.wantRepository {
				t.Errorf("Fetch = %+v, want commit %s of %s, branch %q, tag %q", tree, test.wantCommit,
					test.wantRepository, test.wantRef, test.wantTag)
			}
		})
	}
}

func TestFetchUnresolved(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	commit := upstream.commitFiles("main", "one", someFiles())
	server.repo(t, "openshift/void")
	behind := upstream.commitFiles("topic", "two", map[string]string{"README": "two\n"})
	upstream.git("update-ref", "refs/pull/12/head", behind)
	s, _ := server.store(t)
	tests := []struct {
		description string
		req         gitsrc.Request
		text        string
	}{
		{"no such branch", gitsrc.Request{Spec: parse(t, "@nowhere")}, `no branch or tag "nowhere"`},
		{"an abbreviated commit", gitsrc.Request{Spec: parse(t, "@"+commit[:10])}, "no branch or tag"},
		{"no such pull request", gitsrc.Request{Spec: parse(t, "#99")}, "no pull request 99"},
		{"the merge of no pull request", gitsrc.Request{Spec: parse(t, "#99:merge")}, "no pull request 99"},
		{"a merge that is not there", gitsrc.Request{Spec: parse(t, "#12:merge")}, "no merge of pull request 12"},
		{"a merge onto a branch that is not there", gitsrc.Request{Spec: parse(t, "#12:merge"), Branch: "release-9"},
			"no merge of pull request 12"},
		{"no such commit", gitsrc.Request{Commit: strings.Repeat("a", 40)}, "on no branch or tag"},
		{"no such repository", gitsrc.Request{Spec: parse(t, "nobody/nothing@main")}, "no git repository"},
		{"an empty repository", gitsrc.Request{Spec: parse(t, "openshift/void@main")}, "is empty"},
		{"no commit in the payload", gitsrc.Request{Commit: ""}, "not 40 or 64"},
		{"a commit with SHA-256", gitsrc.Request{Commit: strings.Repeat("a", 64)}, "SHA-256"},
		{"a branch in the payload that is none", gitsrc.Request{Commit: commit, Branch: "../../x"}, "branch"},
		{"a directory that is not there", gitsrc.Request{Spec: parse(t, "/nonexistent/dir")}, "no such file"},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			test.req.Repository = component
			dest := filepath.Join(t.TempDir(), "checkout")
			_, err := s.Fetch(context.Background(), test.req, dest)
			if err == nil || fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), test.text) {
				t.Errorf("Fetch: %v (class %d), want %q", err, fault.KindOf(err), test.text)
			}
			if _, err := os.Stat(dest); err == nil {
				t.Error("the directory of the checkout is left behind")
			}
		})
	}
	if _, err := s.Fetch(context.Background(), gitsrc.Request{Repository: "file:///etc", Commit: commit},
		t.TempDir()); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("a payload that names a directory: %v", err)
	}
}

func TestFetchWithoutSingleCommits(t *testing.T) {
	server := serve(t, "none")
	upstream := server.repo(t, "openshift/component")
	commits := upstream.commitLine("release-4.12", 120)
	upstream.commitFiles("main", "main", map[string]string{"README": "main"})
	// Over http git gives out every commit that a branch leads to; by other ways it is strict.
	strict := func(o *gitsrc.Options) {
		o.Getenv = server.environment(t, "GIT_CONFIG_KEY_0", "url."+server.root+"/.insteadOf")
	}
	for _, branch := range []string{"release-4.12", ""} {
		s, told := server.store(t, strict)
		tree := mustFetch(t, s, gitsrc.Request{Repository: component, Commit: commits[10], Branch: branch})
		checkClean(t, tree)
		if !strings.Contains(told.String(), "gives out no single commits") {
			t.Errorf("nothing is said about the long way:\n%s", told)
		}
		before := told.String()
		checkClean(t, mustFetch(t, s, gitsrc.Request{Repository: component, Commit: commits[10], Branch: branch}))
		if told.String() != before {
			t.Errorf("a commit that is there is fetched again:\n%s", told)
		}
	}
	s, _ := server.store(t, strict)
	checkClean(t, mustFetch(t, s, gitsrc.Request{Repository: component, Commit: commits[119], Branch: "release-4.12"}))
	_, err := s.Fetch(context.Background(), gitsrc.Request{Repository: component,
		Commit: strings.Repeat("b", 40)}, t.TempDir())
	if fault.KindOf(err) != fault.Unresolved {
		t.Errorf("a commit that is nowhere: %v", err)
	}
}

func TestFetchSendsOnlyWhatIsNew(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	files := map[string]string{"README": "one"}
	for i := range 50 {
		files[fmt.Sprintf("dir%d/file", i)] = fmt.Sprintf("content %d", i)
	}
	first := upstream.commitFiles("main", "one", files)
	files["README"] = "two"
	second := upstream.commitFiles("main", "two", files)
	s, _ := server.store(t)
	checkClean(t, mustFetch(t, s, gitsrc.Request{Repository: component, Commit: first}))
	cached, err := s.List()
	if err != nil || len(cached) != 1 || cached[0].Repository != "github.com/openshift/component" ||
		cached[0].Commits != 1 {
		t.Fatalf("List = %+v, %v", cached, err)
	}
	before := cached[0].Bytes
	checkClean(t, mustFetch(t, s, gitsrc.Request{Repository: component, Commit: second}))
	if cached, err = s.List(); err != nil || cached[0].Commits != 2 {
		t.Fatalf("List = %+v, %v", cached, err)
	}
	if grown := cached[0].Bytes - before; grown > before/2 {
		t.Errorf("the second commit added %d bytes to %d", grown, before)
	}
}
