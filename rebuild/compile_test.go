package rebuild_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// writtenBy is a Sources whose commits are of a kind, and on a branch of their repository or not.
type writtenBy struct {
	directories
	tree     gitsrc.Tree
	onBranch bool
}

func (w writtenBy) Fetch(_ context.Context, request gitsrc.Request, _ string) (gitsrc.Tree, error) {
	tree := w.tree
	tree.Repository, tree.Time, tree.Directory = request.Repository, commitTime, request.Spec.Path
	return tree, nil
}

func (w writtenBy) OnBranch(context.Context, string, string, ...string) (bool, error) {
	return w.onBranch, nil
}

// TestCompileCachesAreKeptApart builds the same repository from sources that different people could write, and with
// different arguments and bases: each leaves a word in the caches that it sees, and no other may find it.
func TestCompileCachesAreKeptApart(t *testing.T) {
	p := newPlayground(t)
	text := "ARG VALUE\nFROM BUILDER AS builder\nCOPY . /src\nRUN [\"/bin/tool\", \"write\", \"/run/oc-rebuild/go-mod/WORD\", \"x\"]\nFROM BASE\nCOPY Dockerfile /\n"
	patch := filepath.Join(source(t, map[string]string{"a.patch": ""}), "a.patch")
	const one, other = "40936e7a9159189889c637fa1631f8cbdd5c3c4f", "1511693daf5d1cb36507c8f17c6b77b00266a881"
	local := func(path, branch, commit string) gitsrc.Tree {
		return gitsrc.Tree{Kind: gitsrc.Local, Path: path, Branch: branch, Ref: "main", Commit: commit}
	}
	tests := []struct {
		name   string
		source writtenBy
		change func(*plan.Target)
	}{
		{"upstream", writtenBy{tree: gitsrc.Tree{Kind: gitsrc.Payload, Commit: one}, onBranch: true}, nil},
		{"upstream", writtenBy{tree: gitsrc.Tree{Kind: gitsrc.Ref, Commit: other}, onBranch: true}, nil}, // the next day's
		{"a commit of anybody's", writtenBy{tree: gitsrc.Tree{Kind: gitsrc.Payload, Commit: one}}, nil},
		{"another commit of anybody's", writtenBy{tree: gitsrc.Tree{Kind: gitsrc.Ref, Commit: other}}, nil},
		{
			"a pull request",
			writtenBy{tree: gitsrc.Tree{Kind: gitsrc.Pull,
				Commit: "7bf95dda775f09ef34c602ca030cd4f9376779be"}, onBranch: true},
			nil,
		},
		{"a working tree", writtenBy{tree: local("/mco", "main", one)}, nil},
		{"a working tree", writtenBy{tree: local("/mco", "main", other)}, nil},
		{"another branch there", writtenBy{tree: local("/mco", "pull-5", one)}, nil},
		{"no branch there", writtenBy{tree: local("/mco", "", one)}, nil},
		{"another working tree", writtenBy{tree: local("/mco2", "main", one)}, nil},
		{"an argument", writtenBy{tree: gitsrc.Tree{Kind: gitsrc.Payload, Commit: one}, onBranch: true},
			func(t *plan.Target) {
				t.BuildArgs = []ciconfig.Arg{{Name: "VALUE", Value: "x"}}
			}},
		{
			"a patch",
			writtenBy{tree: gitsrc.Tree{Kind: gitsrc.Payload, Commit: one}, onBranch: true},
			func(t *plan.Target) { t.Patches = []string{patch} },
		},
	}
	seen := map[string][]string{} // the words in each cache
	for i, test := range tests {
		word := string(rune('a' + i))
		directory := source(t, map[string]string{"Dockerfile": p.dockerfile(strings.ReplaceAll(text, "WORD", word))})
		options := p.options(t)
		options.Sources = test.source
		to := target("one", directory)
		if test.change != nil {
			test.change(&to)
		}
		p.mustRun(t, options, to)
		paths, err := filepath.Glob(filepath.Join(p.cache, "compile", "*", "go-mod", word))
		check(t, err)
		if len(paths) != 1 {
			t.Fatalf("%s: the word is in %q", test.name, paths)
		}
		place := filepath.Dir(paths[0])
		entries, err := os.ReadDir(place)
		check(t, err)
		for _, entry := range entries {
			if at := int(entry.Name()[0] - 'a'); tests[at].name != test.name {
				t.Errorf("%s reads what %s wrote", test.name, tests[at].name)
			}
		}
		seen[test.name] = append(seen[test.name], place)
	}
	for name, places := range seen {
		if len(slices.Compact(places)) != 1 {
			t.Errorf("%s has several caches: %q", name, places)
		}
	}
}
