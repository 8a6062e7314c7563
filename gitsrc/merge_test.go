package gitsrc_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
)

// TestMergePullRequests merges pull requests as CI does, with git beside it, and fetches the merge again from what is
// pinned of it.
func TestMergePullRequests(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	lines := func(replace ...string) string {
		return strings.NewReplacer(replace...).Replace("one\n2\n3\n4\nfive\n6\n7\n8\nnine\n")
	}
	files := func(replace ...string) map[string]string {
		return map[string]string{"numbers": lines(replace...), "keep": "kept\n", "gone": "going\n",
			"hack/build*": "#!/bin/sh\n"}
	}
	start := upstream.commitFiles("release-4.12", "start", files())
	pull := func(number string, from string, tree map[string]string) string {
		upstream.git("update-ref", "refs/heads/work", from)
		head := upstream.commitFiles("work", "pull "+number, tree)
		upstream.git("update-ref", "refs/pull/"+number+"/head", head)
		upstream.git("update-ref", "-d", "refs/heads/work")
		return head
	}
	one := pull("1", start, files("one", "ONE"))
	removed := files("five", "FIVE")
	delete(removed, "gone")
	two := pull("2", start, removed)
	pull("3", start, files("one", "Uno"))
	pull("4", one, files("one", "ONE", "nine", "NINE")) // upon the first
	unmerged := files()
	unmerged["gone"] = "still here\n"
	pull("5", start, unmerged)
	added := files()
	added["new"] = "new\n"
	tip := upstream.commitFiles("release-4.12", "more", added)
	s, _ := server.store(t)

	request := gitsrc.Request{Repository: component, Commit: start, Branch: "release-4.12", Spec: parse(t, "#1+#2+#4")}
	tree := mustFetch(t, s, request)
	checkClean(t, tree)
	data, err := os.ReadFile(filepath.Join(tree.Directory, "numbers"))
	if err != nil || string(data) != lines("one", "ONE", "five", "FIVE", "nine", "NINE") {
		t.Errorf("numbers are %q, %v", data, err)
	}
	for name, want := range map[string]bool{"new": true, "gone": false, "keep": true} {
		if _, err := os.Stat(filepath.Join(tree.Directory, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if tree.Kind != gitsrc.Merge || tree.Ref != "release-4.12" || !tree.Unpublished || len(tree.Merged) != 4 ||
		tree.Merged[0] != tip || tree.Merged[1] != one {
		t.Errorf("the merge is %+v", tree)
	}
	// git itself, which merges in a clone, comes to the same files.
	clone := repo{t, t.TempDir()}
	clone.git("clone", "-q", "-b", "release-4.12", upstream.dir, ".")
	for _, number := range []string{"1", "2", "4"} {
		clone.git("fetch", "-q", "origin", "refs/pull/"+number+"/head")
		clone.git("merge", "-q", "--no-ff", "-m", "merge", "FETCH_HEAD")
	}
	if got, want := (repo{t, tree.Directory}).git("rev-parse", "HEAD^{tree}"),
		clone.git("rev-parse", "HEAD^{tree}"); got != want {
		t.Errorf("the merged tree is %s, git's is %s", got, want)
	}

	t.Run("again", func(t *testing.T) {
		for what, get := range map[string]func(*gitsrc.Store) gitsrc.Request{
			"the same cache":   func(*gitsrc.Store) gitsrc.Request { return request },
			"as it was pinned": func(*gitsrc.Store) gitsrc.Request { return request.Pin(tree) },
			"what is written of the pin": func(*gitsrc.Store) gitsrc.Request {
				r := request.Pin(tree)
				r.Spec = parse(t, r.Spec.String())
				return r
			},
		} {
			st := s
			if what != "the same cache" {
				st, _ = server.store(t)
			}
			if again := mustFetch(t, st, get(st)); again.Commit != tree.Commit ||
				listing(t, again.Directory) != listing(t, tree.Directory) {
				t.Errorf("%s: commit %s, want %s", what, again.Commit, tree.Commit)
			}
		}
		upstream.commitFiles("release-4.12", "the branch moves", files())
		pinned, _ := server.store(t)
		if again := mustFetch(t, pinned, request.Pin(tree)); again.Commit != tree.Commit {
			t.Errorf("after the branch moved the pin leads to %s, want %s", again.Commit, tree.Commit)
		}
		upstream.git("update-ref", "refs/heads/release-4.12", tip)
	})
	t.Run("viewed", func(t *testing.T) {
		st, _ := server.store(t)
		revision, seen, err := st.View(context.Background(), request)
		if err != nil {
			t.Fatal(err)
		}
		defer revision.Close()
		if data, err := revision.FS.(interface{ ReadFile(string) ([]byte, error) }).ReadFile("new"); err != nil ||
			string(data) != "new\n" || seen.Commit != tree.Commit {
			t.Errorf("View has %q, %v, commit %s", data, err, seen.Commit)
		}
	})
	t.Run("one is there already", func(t *testing.T) {
		if got := mustFetch(t, s, gitsrc.Request{Repository: component,
			Spec: parse(t, "@"+one+"+@"+start+"+#2")}); len(got.Merged) != 3 || got.Ref != "main" {
			t.Errorf("the merge is %+v", got)
		}
		if got := mustFetch(t, s, gitsrc.Request{Repository: component,
			Spec: parse(t, "@"+two+"+@"+start)}); got.Commit != two {
			t.Errorf("a merge of what is there is %+v", got)
		}
	})
	t.Run("refused", func(t *testing.T) {
		unrelated := upstream.commitFiles("other", "other", map[string]string{"x": "y\n"})
		for source, want := range map[string]string{
			"#1+#3":            "#3 of https://github.com/openshift/component cannot be merged: it and #1 changed the same lines",
			"#2+#1+#3":         "it and #1 changed the same lines, or what is renamed or removed in one of them, in numbers",
			"#2+#5":            "in gone",
			"@" + one + "+#3":  "it and " + one + " changed",
			"#1+#77":           "no pull request 77",
			"@nowhere+#1":      `no branch or tag "nowhere"`,
			"#1+@" + unrelated: "no history in common",
		} {
			_, err := s.Fetch(context.Background(), gitsrc.Request{Repository: component, Branch: "release-4.12",
				Spec: parse(t, source)}, filepath.Join(t.TempDir(), "x"))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", source, err, want)
			}
		}
	})
	t.Run("histories that cross", func(t *testing.T) {
		cross := func(first, second string) string {
			return upstream.gitInput("cross", "commit-tree", start+"^{tree}", "-p", first, "-p", second)
		}
		left, right := cross(one, two), cross(two, one)
		_, err := s.Fetch(context.Background(), gitsrc.Request{Repository: component,
			Spec: parse(t, "@"+left+"+@"+right)}, filepath.Join(t.TempDir(), "x"))
		if err == nil || !strings.Contains(err.Error(), "cross") {
			t.Errorf("crossing histories: %v", err)
		}
	})
}
