package gitsrc

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

// TestContainsAgreesWithGit asks of commits in histories with merges whether branches lead to them.
func TestContainsAgreesWithGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: there is nothing to agree with")
	}
	for seed := range uint64(4) {
		dir := t.TempDir()
		git := func(input string, args ...string) string {
			t.Helper()
			cmd := exec.Command("git", args...)
			cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
			cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("git %v: %v", args, err)
			}
			return strings.TrimSpace(string(out))
		}
		git("", "init", "-q", "--bare")
		random := rand.New(rand.NewPCG(seed, 7))
		var stream strings.Builder
		const commits = 80
		for i := 1; i <= commits; i++ {
			fmt.Fprintf(&stream, "commit refs/heads/b%d\nmark :%d\ncommitter A <a@x> %d +0000\ndata 0\n", i, i,
				1600000000+i*36000)
			if i > 1 {
				fmt.Fprintf(&stream, "from :%d\n", max(1, i-1-random.IntN(5)))
				if other := i - 1 - random.IntN(min(i-1, 8)); random.IntN(3) == 0 {
					fmt.Fprintf(&stream, "merge :%d\n", other)
				}
			}
			stream.WriteString("\n")
		}
		git(stream.String(), "fast-import", "--quiet")
		ids := make([]pack.ID, commits+1)
		above := make([]map[string]bool, commits+1) // branches that a commit is part of, by git
		for i := 1; i <= commits; i++ {
			id, err := pack.ParseID(git("", "rev-parse", fmt.Sprintf("b%d", i)))
			if err != nil {
				t.Fatal(err)
			}
			ids[i], above[i] = id, map[string]bool{}
			for _, name := range strings.Fields(git("", "branch", "--format=%(refname:short)",
				"--contains", id.String())) {
				above[i][name] = true
			}
		}
		db, err := pack.Open(filepath.Join(dir, "objects"))
		if err != nil {
			t.Fatal(err)
		}
		for range 400 {
			i, j, k := 1+random.IntN(commits), 1+random.IntN(commits), 1+random.IntN(commits)
			got, err := contains(context.Background(), db, []pack.ID{ids[j], ids[k]}, ids[i])
			if want := above[i][fmt.Sprint("b", j)] || above[i][fmt.Sprint("b", k)]; err != nil || got != want {
				t.Errorf("seed %d: contains b%d and b%d the commit b%d: %v, %v, want %v", seed, j, k, i, got, err, want)
			}
		}
		db.Close()
	}
}

func FuzzParseGitmodules(f *testing.F) {
	f.Add("[submodule \"x\"]\npath = x\nurl = ../y\n")
	f.Add("[submodule \"x\"]\npath = .git/hooks\nurl = ext::sh -c id\n")
	f.Add("[submodule \"x\"]\nurl = ../../../../etc\npath = y")
	parent, err := giturl.ParsePayload("https://github.com/openshift/component")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzing.Case(t)
		addresses, err := parseGitmodules(text, parent)
		for path, u := range addresses {
			if err == nil && u.Scheme != "https" && u.Scheme != "ssh" {
				t.Errorf("submodule %q at %s", path, u)
			}
		}
	})
}

func FuzzParseCommit(f *testing.F) {
	f.Add([]byte("tree " + strings.Repeat("a", 40) + "\nparent " + strings.Repeat("b", 40) +
		"\nauthor A <a@x> 1 +0000\ncommitter A <a@x> 2 +0000\n\nmessage\n"))
	f.Add([]byte("tree " + strings.Repeat("a", 40) + "\ncommitter > 99999999999999999999\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.Case(t)
		c, err := parseCommit(data)
		if err != nil {
			return
		}
		if year := c.time.Year(); year < 1970 || year > 40000 {
			t.Errorf("time %s", c.time)
		}
		describeChange(pack.ID{}, c, firstLine(c.message))
		mergeChange(pack.ID{}, c)
	})
}

// TestCommitWithTwoTrees is that of its first line, as for git, or none at all.
func TestCommitWithTwoTrees(t *testing.T) {
	first, second := "tree "+strings.Repeat("a", 40)+"\n", "tree "+strings.Repeat("b", 40)+"\n"
	rest := "author A <a@x> 1 +0000\ncommitter A <a@x> 2 +0000\n"
	for _, text := range []string{first + second + rest, first + rest + second,
		first + "parent " + strings.Repeat("c", 40) + "\n" + second + rest} {
		if c, err := parseCommit([]byte(text + "\nmessage\n")); err == nil &&
			c.tree.String() != strings.Repeat("a", 40) {
			t.Errorf("%q has the tree %s", text, c.tree)
		}
	}
	if _, err := parseCommit([]byte(rest + "\nmessage\n")); err == nil {
		t.Error("a commit without a tree was read")
	}
}
