package merge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/merge"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// git runs git in a directory. failed is whether it ended with 1, which is how it tells of conflicts.
func git(t *testing.T, directory, input string, args ...string) (out string, failed bool) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = directory, strings.NewReader(input)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_CONFIG_NOSYSTEM=1"}
	text, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return strings.TrimSpace(string(text)), true
	}
	if err != nil {
		t.Fatalf("git %q: %v", args, err)
	}
	return strings.TrimSpace(string(text)), false
}

// change edits files at random, but leaves enough for two changes to go together now and then.
func change(random *rand.Rand, files map[string]string) map[string]string {
	changed := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		switch random.IntN(12) {
		case 0: // removed
			continue
		case 1: // another mode
			changed[strings.TrimSuffix(name, "*")+"*"] = text
			continue
		case 2, 3, 4, 5, 6:
			lines := strings.SplitAfter(text, "\n")
			for range 1 + random.IntN(2) {
				at := random.IntN(len(lines))
				switch random.IntN(3) {
				case 0:
					lines[at] = fmt.Sprintf("other %d\n", random.IntN(3))
				case 1:
					lines = append(lines[:at:at], lines[at+1:]...)
				case 2:
					lines = append(lines[:at:at], append([]string{fmt.Sprintf("new %d\n", random.IntN(3))},
						lines[at:]...)...)
				}
				if len(lines) == 0 {
					lines = []string{"end\n"}
				}
			}
			text = strings.Join(lines, "")
		}
		changed[name] = text
	}
	if random.IntN(3) == 0 {
		changed[fmt.Sprintf("d%d/added%d", random.IntN(3), random.IntN(3))] = fmt.Sprintf("added %d\n", random.IntN(2))
	}
	if random.IntN(8) == 0 { // a file where the other side may have a directory
		changed["kind"] = "file\n"
	} else if random.IntN(8) == 0 {
		changed["kind/of"] = "directory\n"
	}
	return changed
}

// commit writes a commit for `git fast-import`, on another branch's where from names one. A file whose name ends in * is
// executable, one whose name ends in @ is a link.
func commit(stream *strings.Builder, branch, from string, files map[string]string) {
	fmt.Fprintf(stream, "commit refs/heads/%s\ncommitter A <a@x> 1600000000 +0000\ndata 0\n", branch)
	if from != "" {
		fmt.Fprintf(stream, "from refs/heads/%s\n", from)
	}
	stream.WriteString("deleteall\n")
	for name, text := range files {
		mode := "100644"
		for suffix, other := range map[string]string{"*": "100755", "@": "120000"} {
			if strings.HasSuffix(name, suffix) {
				name, mode = strings.TrimSuffix(name, suffix), other
			}
		}
		fmt.Fprintf(stream, "M %s inline %s\ndata %d\n%s\n", mode, name, len(text), text)
	}
}

// TestAsGitDoes merges trees at random, of files in which most lines are there several times. What both merge they
// merge to the same tree. Now and then one of them refuses what the other merges, where it is a matter of taste which
// of two equal lines is the new one.
func TestAsGitDoes(t *testing.T) {
	directory := t.TempDir()
	git(t, directory, "", "init", "-q", "--bare", ".")
	const cases = 800
	random := rand.New(rand.NewPCG(1, 2))
	var stream strings.Builder
	for i := range cases {
		files := map[string]string{}
		for file := range 5 {
			var text strings.Builder
			for line := range 8 + random.IntN(20) {
				if random.IntN(3) > 0 {
					line = random.IntN(4) // lines that are there more than once, as braces are
				}
				fmt.Fprintf(&text, "line %d\n", line)
			}
			files[fmt.Sprintf("d%d/file%d", file%3, file)] = text.String()
		}
		commit(&stream, fmt.Sprintf("base%d", i), "", files)
		commit(&stream, fmt.Sprintf("ours%d", i), fmt.Sprintf("base%d", i), change(random, files))
		commit(&stream, fmt.Sprintf("theirs%d", i), fmt.Sprintf("base%d", i), change(random, files))
	}
	git(t, directory, stream.String(), "fast-import", "--quiet")
	db, err := pack.Open(filepath.Join(directory, "objects"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var names strings.Builder
	for i := range cases {
		fmt.Fprintf(&names, "base%d^{tree}\nours%d^{tree}\ntheirs%d^{tree}\n", i, i, i)
	}
	list, _ := git(t, directory, names.String(), "cat-file", "--batch-check=%(objectname)")
	ids := strings.Fields(list)
	clean, stricter, looser := 0, 0, 0
	for i := range cases {
		var trees [3]pack.ID
		for side := range trees {
			if trees[side], err = pack.ParseID(ids[3*i+side]); err != nil {
				t.Fatal(err)
			}
		}
		want, conflicts := git(t, directory, "", "-c", "merge.renames=false", "merge-tree", "--write-tree",
			fmt.Sprintf("ours%d", i), fmt.Sprintf("theirs%d", i))
		merger := merge.New(db)
		got, err := merger.Trees(context.Background(), trees[0], trees[1], trees[2])
		var conflict *merge.ConflictError
		switch {
		case errors.As(err, &conflict):
			if !conflicts {
				stricter++
			}
		case err != nil:
			t.Errorf("case %d: %v", i, err)
		case conflicts:
			looser++
		case got.String() != want:
			var made bytes.Buffer
			if err := merger.Pack(&made); err != nil {
				t.Fatal(err)
			}
			git(t, directory, made.String(), "unpack-objects", "-q")
			diff, _ := git(t, directory, "", "diff", want, got.String())
			t.Errorf("case %d was merged to %s, git merges it to %s\n%s", i, got, want, diff)
		default:
			clean++
		}
	}
	if clean < cases/3 || stricter > cases/30 || looser > cases/200 {
		t.Errorf("%d of %d merged as git does; %d that git merges were refused, %d that git refuses were merged", clean,
			cases, stricter, looser)
	}
}

// TestRenames has what one side removed and the other one renamed: git tells of a conflict, and so does Trees, also
// where git would not look at what is in the files.
func TestRenames(t *testing.T) {
	var text strings.Builder
	for line := range 20 {
		fmt.Fprintf(&text, "line %d\n", line)
	}
	whole, half := text.String(), text.String()[:text.Len()/2]
	type files map[string]string
	tests := []struct {
		description  string
		ours, theirs files // beside the file other, in place of a/one and b/two
		conflict     bool
		git          bool // whether git has one
	}{
		{"renamed by one", files{"b/two": "two\n"}, files{"c/new": whole, "b/two": "two\n"}, true, true},
		{"renamed by the other", files{"a/new": whole, "b/two": "two\n"}, files{"b/two": "two\n"}, true, true},
		{"renamed and changed", files{"b/two": "two\n"}, files{"new": whole + "more\n", "b/two": "two\n"}, true, true},
		{"a directory", files{"b/two": "two\n"}, files{"c/one": whole, "b/two": "two\n"}, true, true},
		{"a directory into another", files{"b/two": "two\n"}, files{"b/two": "two\n", "b/a/one": whole}, true, true},
		{"in a directory that stays", files{"a/stays": "stays\n", "b/two": "two\n"},
			files{"a/stays": "stays\n", "b/two": "two\n", "c/new": whole}, true, true},
		{"a link is no file", files{"b/two": "two\n"}, files{"b/two": "two\n", "l@": "a/one"}, false, false},
		{"renamed by both", files{"c/new": whole, "b/two": "two\n"}, files{"c/new": whole, "b/two": "two\n"}, false, false},
		{"renamed by one alone", files{"a/one": whole, "b/two": "two\n"}, files{"c/new": whole, "b/two": "two\n"},
			false, false},
		{"removed by both", files{"b/two": "two\n"}, files{"b/two": "two\n"}, false, false},
		{"something like it added", files{"b/two": "two\n"}, files{"b/two": "two\n", "new": half[:len(half)/2] +
			strings.Repeat("else\n", 30)}, false, false},
		{"renamed, with other ends of lines", files{"b/two": "two\n"},
			files{"b/two": "two\n", "new": strings.ReplaceAll(whole, "\n", "\r\n")}, true, true},
		{"something else added", files{"b/two": "two\n"}, files{"b/two": "two\n", "new": "else\n"}, false, false},
		{"copied before it was removed", files{"b/two": "two\n"}, files{"b/two": "two\n", "half": half}, true, false}, // half of it
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			directory := t.TempDir()
			git(t, directory, "", "init", "-q", "--bare", ".")
			var stream strings.Builder
			for _, side := range []struct {
				name string
				files
			}{{"base", files{"a/one": whole, "b/two": "two\n", "a/stays": "stays\n"}}, {"ours", test.ours},
				{"theirs", test.theirs}} {
				from := "base"
				if side.name == from {
					from = ""
				}
				all := maps.Clone(side.files)
				all["other"] = "x"
				commit(&stream, side.name, from, all)
			}
			git(t, directory, stream.String(), "fast-import", "--quiet")
			db, err := pack.Open(filepath.Join(directory, "objects"))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			var trees [3]pack.ID
			for i, side := range []string{"base", "ours", "theirs"} {
				id, _ := git(t, directory, "", "rev-parse", side+"^{tree}")
				if trees[i], err = pack.ParseID(id); err != nil {
					t.Fatal(err)
				}
			}
			want, conflicts := git(t, directory, "", "merge-tree", "--write-tree", "ours", "theirs")
			got, err := merge.New(db).Trees(t.Context(), trees[0], trees[1], trees[2])
			var conflict *merge.ConflictError
			if errors.As(err, &conflict) != test.conflict || conflicts != test.git {
				t.Errorf("Trees = %s, %v; git: %s, %v", got, err, want, conflicts)
			}
			if err == nil && got.String() != want {
				t.Errorf("merged to %s, git merges it to %s", got, want)
			}
		})
	}
}
