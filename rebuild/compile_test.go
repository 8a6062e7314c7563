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
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
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

// TestCompileCachesBeginWithTheImages wants what a builder image keeps for its Go toolchain where steps look for it: at
// the beginning, once, and whole even where an earlier run was killed while it copied.
func TestCompileCachesBeginWithTheImages(t *testing.T) {
	p := newPlayground(t)
	tool := staticTool(t)
	p.builder = p.registry.Push(t, "bases/builder", "full", baseImage(t, map[string]string{"bin/tool": tool, "bin/go": tool,
		"root/.cache/go-build/00/word": "compiled", "root/go/pkg/mod/cache/word": "module"}))
	text := "FROM BUILDER AS builder\nCOPY . /src\nRUN [\"/bin/tool\", \"write\", \"/run/oc-rebuild/go-mod/cache/word\", \"WORD\"]\n" +
		"FROM BASE\nCOPY Dockerfile /\n"
	made := func(name string) string { return filepath.Join(only(t, filepath.Join(p.cache, "compile")), name) }
	tree := t.TempDir()
	build := func(word string) {
		t.Helper()
		check(t, os.WriteFile(filepath.Join(tree, "Dockerfile"),
			[]byte(p.dockerfile(strings.ReplaceAll(text, "WORD", word))), 0o644))
		p.mustRun(t, p.options(t), target("one", tree))
		for name, want := range map[string]string{"go-build/00/word": "compiled", "go-mod/cache/word": word} {
			if data, err := os.ReadFile(made(name)); string(data) != want {
				t.Errorf("%s is %q (%v), want %q", name, data, err, want)
			}
		}
	}
	build("step's")
	check(t, os.WriteFile(made("go-build/00/later"), nil, 0o644))
	build("later step's")
	if _, err := os.Stat(made("go-build/00/later")); err != nil {
		t.Errorf("what steps left is gone: %v", err)
	}
	// as a run leaves it that is killed while it copies
	check(t, os.Remove(made("generation")))
	check(t, os.Remove(made("go-build/00/word")))
	check(t, os.Chmod(made("go-mod/cache"), 0o555))
	build("last step's")
	if _, err := os.Stat(made("go-build/00/later")); err == nil {
		t.Error("a cache that was not ready is used")
	}
}

// TestCompileCachesOfTwoImages wants what either of two builder images keeps, and another cache for one of them alone.
func TestCompileCachesOfTwoImages(t *testing.T) {
	p := newPlayground(t)
	tool := staticTool(t)
	push := func(tag string) string {
		return p.registry.Push(t, "bases/builder", tag, baseImage(t, map[string]string{"bin/tool": tool, "bin/go": tool,
			"root/go/pkg/mod/cache/" + tag: tag}))
	}
	one, two := push("one"), push("two")
	step := "\nCOPY . /src\nRUN [\"/bin/tool\", \"compile\"]\n"
	tree := t.TempDir()
	build := func(user string) {
		t.Helper()
		check(t, os.WriteFile(filepath.Join(tree, "Dockerfile"), []byte("FROM "+one+step+"FROM "+two+"\nUSER "+user+step+
			"FROM "+p.base+"\nCOPY Dockerfile /\n"), 0o644))
		p.mustRun(t, p.options(t), target("one", tree))
	}
	build("1001")
	first := only(t, filepath.Join(p.cache, "compile"))
	build("0")
	caches, err := filepath.Glob(filepath.Join(p.cache, "compile", "*"))
	check(t, err)
	if len(caches) != 2 {
		t.Fatalf("%d compile caches, want 2", len(caches))
	}
	for _, cache := range caches {
		modules, err := filepath.Glob(filepath.Join(cache, "go-mod/cache/*"))
		check(t, err)
		if want := 2; len(modules) != want && cache != first || cache == first && len(modules) != 1 {
			t.Errorf("a cache begins with %q", modules)
		}
	}
}

// TestCompileCachesThatClash has two builder images of which one keeps a directory where the other has a file.
func TestCompileCachesThatClash(t *testing.T) {
	p := newPlayground(t)
	tool := staticTool(t)
	text := ""
	for tag, file := range map[string]string{"file": "x", "directory": "x/y"} {
		pullSpec := p.registry.Push(t, "bases/builder", tag, baseImage(t, map[string]string{"bin/tool": tool, "bin/go": tool,
			"root/go/pkg/mod/cache/" + file: tag}))
		text += "FROM " + pullSpec + "\nCOPY . /src\nRUN [\"/bin/tool\", \"compile\"]\n"
	}
	tree := source(t, map[string]string{"Dockerfile": text + "FROM " + p.base + "\nCOPY Dockerfile /\n"})
	_, err := p.run(t, t.Context(), p.options(t), target("one", tree))
	if fault.AdviceOf(err) != "Build without compile caches: --no-cache." {
		t.Fatalf("error %v, advice %q", err, fault.AdviceOf(err))
	}
	options := p.options(t)
	options.NoCache = true
	p.mustRun(t, options, target("one", tree))
}

// TestModulesOfTheDockerfile wants modules that a Dockerfile brings where the Go toolchain looks for them.
func TestModulesOfTheDockerfile(t *testing.T) {
	p := newPlayground(t)
	for destination, own := range map[string]bool{"/src": false, "/root/go/pkg/mod/": true} {
		tree := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BUILDER AS builder\nCOPY . " + destination +
			"\nRUN [\"/bin/tool\", \"compile\"]\nFROM BASE\nCOPY Dockerfile /\n")})
		result := p.mustRun(t, p.options(t), target("one", tree))
		log, err := os.ReadFile(result.Components[0].Log)
		check(t, err)
		if !strings.Contains(string(log), "GOCACHE had") || strings.Contains(string(log), "GOMODCACHE had") == own {
			t.Errorf("with COPY to %s the step says:\n%s", destination, log)
		}
	}
}

// TestStepsOfOtherUsers wants steps that do not run as root to do without caches, which are root's.
func TestStepsOfOtherUsers(t *testing.T) {
	p := newPlayground(t)
	for user, lent := range map[string]bool{"0": true, "1001": false} {
		tree := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BUILDER AS builder\nUSER " + user +
			"\nRUN [\"/bin/tool\", \"compile\"]\nFROM BASE\nCOPY Dockerfile /\n")})
		result := p.mustRun(t, p.options(t), target("one", tree))
		log, err := os.ReadFile(result.Components[0].Log)
		check(t, err)
		if strings.Contains(string(log), "GOCACHE had") != lent {
			t.Errorf("as user %s the step says:\n%s", user, log)
		}
	}
}

// only returns the one entry of a directory.
func only(t *testing.T, directory string) string {
	t.Helper()
	entries, err := os.ReadDir(directory)
	check(t, err)
	if len(entries) != 1 {
		t.Fatalf("%q has %d entries, want one", directory, len(entries))
	}
	return filepath.Join(directory, entries[0].Name())
}
