package gitsrc_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// rawTree stores a tree that git itself would not make, and a commit with it.
func (r repo) rawTree(entries ...string) string {
	r.t.Helper()
	blob := r.gitInput("evil", "hash-object", "-w", "--stdin")
	var tree bytes.Buffer
	for _, e := range entries {
		id := blob
		if strings.HasPrefix(e, "40000 ") {
			id = r.gitInput("100644 blob "+blob+"\tconfig\n", "mktree")
		}
		var raw []byte
		fmt.Sscanf(id, "%x", &raw)
		fmt.Fprintf(&tree, "%s\x00%s", e, raw)
	}
	id := r.gitInput(tree.String(), "hash-object", "-t", "tree", "-w", "--literally", "--stdin")
	commit := r.gitInput("x", "commit-tree", id)
	r.git("update-ref", "refs/heads/evil", commit)
	return commit
}

func TestHostileTrees(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	upstream.commitFiles("main", "one", someFiles())
	s, _ := server.store(t)
	for _, entries := range [][]string{
		{"40000 .git"}, {"100644 .git"}, {"40000 .GIT"}, {"40000 .gIt"}, {"40000 git~1"},
		{"40000 .git "}, {"40000 .git."},
		{"40000 .git::$INDEX_ALLOCATION"},
		{"40000 .g\u200cit"}, {"100644 ..\\evil"}, {"100644 .."}, {"40000 .."}, {"100644 ."}, {"100644 a/b"},
		{"100644 ../evil"},
		{"100644 /etc/evil"}, {"100644 "},
		{"120000 .gitmodules"}, {"120000 a", "40000 a"}, {"100644 a", "100644 a"}, {"140000 socket"},
		{"100644 " + strings.Repeat("n", 256)}, {"777777777 x"},
	} {
		commit := upstream.rawTree(entries...)
		t.Run(fmt.Sprintf("%q", entries), func(t *testing.T) {
			refused(t, s, gitsrc.Request{Repository: component, Commit: commit}, "")
		})
	}
}

func TestTreeLimits(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	many := map[string]string{}
	for i := range 200 {
		many[fmt.Sprint("file", i)] = "x"
	}
	tests := []struct {
		description string
		commit      string
		text        string
	}{
		{"files", upstream.commitFiles("a", "many", many), "more than 100 files"},
		{"depth", upstream.commitFiles("b", "deep", map[string]string{strings.Repeat("d/", 20) + "f": "x"}),
			"more than 10 deep"},
		{"bytes", upstream.commitFiles("c", "large", map[string]string{"f": strings.Repeat("x", 2000)}),
			"more than 1000 bytes together"},
	}
	for _, test := range tests {
		limits := gitsrc.DefaultLimits()
		limits.Tree.Files, limits.Tree.Depth, limits.Tree.Bytes = 100, 10, 1000
		t.Run(test.description, func(t *testing.T) {
			s, _ := server.store(t, func(o *gitsrc.Options) { o.Limits = &limits })
			request := gitsrc.Request{Repository: component, Commit: test.commit}
			err := refused(t, s, request, test.text)
			if fault.KindOf(err) != fault.Unresolved || !strings.Contains(fault.AdviceOf(err), "--source-limits") {
				t.Errorf("class %d, advice %q", fault.KindOf(err), fault.AdviceOf(err))
			}
			raised := limits.Times(3)
			s, _ = server.store(t, func(o *gitsrc.Options) { o.Limits = &raised })
			mustFetch(t, s, request)
		})
	}
}

// TestSubmodulesShareLimits has submodules that are within the limits alone, and not together.
func TestSubmodulesShareLimits(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	many := map[string]string{}
	for i := range 40 {
		many[fmt.Sprint("file", i)] = "ten bytes!"
	}
	inner := upstream.commitFiles("inner", "inner", many)
	outer := map[string]string{}
	for i := range 3 {
		outer[fmt.Sprintf("s%d#", i)] = inner
		outer[".gitmodules"] += fmt.Sprintf("[submodule \"s%d\"]\npath = s%d\nurl = ./\n", i, i)
	}
	commit := upstream.commitFiles("main", "outer", outer)
	for _, test := range []struct {
		files int
		bytes int64
		want  string
	}{{200, 1300 + int64(len(outer[".gitmodules"])), ""}, {100, 1 << 20, "files that the limit leaves"},
		{200, 1000, "more bytes together than the limit"}} {
		limits := gitsrc.DefaultLimits()
		limits.Tree.Files, limits.Tree.Bytes = test.files, test.bytes
		s, _ := server.store(t, func(o *gitsrc.Options) { o.Limits = &limits })
		request := gitsrc.Request{Repository: component, Commit: commit}
		if test.want == "" {
			mustFetch(t, s, request)
			continue
		}
		if err := refused(t, s, request, test.want); !strings.Contains(fault.AdviceOf(err), "--source-limits") {
			t.Errorf("the advice is %q", fault.AdviceOf(err))
		}
	}
}

// TestBombs fetches what is small on the wire and large on disk or in memory: it is refused before any of it is
// written, and not asked for in another way.
func TestBombs(t *testing.T) {
	server := serve(t, "any")
	upstream := server.repo(t, "openshift/component")
	commitTree := func(branch, tree string) string {
		commit := upstream.gitInput("x", "commit-tree", tree)
		upstream.git("update-ref", "refs/heads/"+branch, commit)
		return commit
	}
	multiply := func(entry string, levels int) string {
		for range levels {
			var lines strings.Builder
			for i := range 10 {
				fmt.Fprintf(&lines, "%s\t%d\n", entry, i)
			}
			entry = "040000 tree " + upstream.gitInput(lines.String(), "mktree")
		}
		return strings.Fields(entry)[2]
	}
	small := "100644 blob " + upstream.gitInput("x", "hash-object", "-w", "--stdin")
	large := "100644 blob " + upstream.gitInput(strings.Repeat("x", 10<<20), "hash-object", "-w", "--stdin")
	like := "100644 blob " + upstream.gitInput(strings.Repeat("x", 10<<20)+"y", "hash-object", "-w", "--stdin")
	for _, test := range []struct{ description, tree, text string }{
		{"files", multiply(small, 6), "more than 250000 files"},
		{"directories", multiply("040000 tree "+upstream.gitInput("", "mktree"), 6), "more than 250000 files"},
		{"bytes", multiply(large, 3), "more than 8589934592 bytes"},
		{"bytes of a delta", upstream.gitInput(fmt.Sprintf("040000 tree %s\ta\n%s\tb\n", multiply(like, 3),
			large), "mktree"),
			"more than 8589934592 bytes"},
		{"memory", upstream.gitInput(large+"\ta\n"+like+"\tb\n", "mktree"), "bytes of memory"},
	} {
		t.Run(test.description, func(t *testing.T) {
			commit := commitTree(strings.ReplaceAll(test.description, " ", "-"), test.tree)
			s, _ := server.store(t, func(o *gitsrc.Options) {
				limits := gitsrc.DefaultLimits()
				if test.description == "memory" {
					limits.Pack.DeltaMemory = 15 << 20
				}
				o.Limits = &limits
			})
			before := server.requests.Load()
			refused(t, s, gitsrc.Request{Repository: component, Commit: commit}, test.text)
			if n := server.requests.Load() - before; n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
			if test.description == "memory" {
				return
			}
			if _, _, err := s.View(t.Context(), gitsrc.Request{Repository: component,
				Commit: commit}); strings.Contains(test.text,
				"files") && err == nil {
				t.Error("it can be viewed")
			}
		})
	}
}

// TestAgreementWithoutEnd has a server that agrees again and again, and sends no pack.
func TestAgreementWithoutEnd(t *testing.T) {
	server := serve(t, "any")
	commit := server.repo(t, "openshift/component").commitFiles("main", "one", someFiles())
	server.behave(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(bytes.Repeat([]byte("0008NAK\n"), 1000)); err != nil {
					return
				}
			}
		})
	})
	s, _ := server.store(t)
	refused(t, s, gitsrc.Request{Repository: component, Commit: commit}, "does not end")
	if n := server.requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}
