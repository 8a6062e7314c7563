package gitsrc_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
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
		{"40000 .git"}, {"100644 .git"}, {"40000 .GIT"}, {"40000 .gIt"}, {"40000 git~1"}, {"40000 .git "}, {"40000 .git."}, {"40000 .git::$INDEX_ALLOCATION"},
		{"40000 .g\u200cit"}, {"100644 ..\\evil"}, {"100644 .."}, {"40000 .."}, {"100644 ."}, {"100644 a/b"}, {"100644 ../evil"}, {"100644 /etc/evil"}, {"100644 "},
		{"120000 .gitmodules"}, {"120000 a", "40000 a"}, {"100644 a", "100644 a"}, {"140000 socket"}, {"100644 " + strings.Repeat("n", 256)}, {"777777777 x"},
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
		{"depth", upstream.commitFiles("b", "deep", map[string]string{strings.Repeat("d/", 20) + "f": "x"}), ""},
		{"bytes", upstream.commitFiles("c", "large", map[string]string{"f": strings.Repeat("x", 2000)}), "too large"},
	}
	for _, test := range tests {
		s, _ := server.store(t, func(o *gitsrc.Options) {
			limits := gitsrc.DefaultLimits()
			limits.Tree.Files, limits.Tree.Depth, limits.Tree.Bytes = 100, 10, 1000
			o.Limits = &limits
		})
		t.Run(test.description, func(t *testing.T) {
			refused(t, s, gitsrc.Request{Repository: component, Commit: test.commit}, test.text)
		})
	}
}
