package patch_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/patch"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
)

// numbered is a file of so many lines.
func numbered(lines int) string {
	var out strings.Builder
	for i := range lines {
		fmt.Fprintf(&out, "line %d\n", i+1)
	}
	return out.String()
}

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			if err := os.Symlink(target, path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.patch")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const moved = "--- a/f\n+++ b/f\n@@ -10,3 +10,4 @@\n line 10\n-line 11\n+LINE 11\n+line 11a\n line 12\n@@ -30,3 +31,2 @@\n line 30\n-line 31\n line 32\n"

func TestApply(t *testing.T) {
	when := time.Unix(1600000000, 0)
	tests := []struct {
		description string
		files       map[string]string
		patch       string
		want        map[string]string // "" = not there
	}{
		{"a plain diff", map[string]string{"f": numbered(40)}, moved,
			map[string]string{"f": strings.Replace(strings.Replace(numbered(40), "line 11\n", "LINE 11\nline 11a\n", 1),
				"line 31\n", "", 1)}},
		{"lines that have moved down", map[string]string{"f": "new\nnew\n" + numbered(40)}, moved,
			map[string]string{"f": "new\nnew\n" + strings.Replace(strings.Replace(numbered(40), "line 11\n",
				"LINE 11\nline 11a\n", 1),
				"line 31\n", "", 1)}},
		{"lines that have moved up", map[string]string{"f": strings.TrimPrefix(numbered(40), numbered(8))}, moved,
			map[string]string{"f": strings.TrimPrefix(strings.Replace(strings.Replace(numbered(40), "line 11\n",
				"LINE 11\nline 11a\n", 1),
				"line 31\n", "", 1), numbered(8))}},
		{"a new file", nil,
			"diff --git a/d/new b/d/new\nnew file mode 100755\nindex 0000000..1\n--- /dev/null\n+++ b/d/new\n@@ -0,0 +1 @@\n+text\n\\ No newline at end of file\n",
			map[string]string{"d/new": "text"}},
		{"a file removed", map[string]string{"f": "x\n"},
			"diff --git a/f b/f\ndeleted file mode 100644\nindex 1..0000000\n--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
			map[string]string{"f": ""}},
		{"a file renamed", map[string]string{"f": "x\n"},
			"diff --git a/f b/d/g\nsimilarity index 50%\nrename from f\nrename to d/g\nindex 1..2 100644\n--- a/f\n+++ b/d/g\n@@ -1 +1 @@\n-x\n+y\n",
			map[string]string{"f": "", "d/g": "y\n"}},
		{"two commits in a row", map[string]string{"f": "1\n"}, mail("f", "1", "2") + mail("f", "2", "3"),
			map[string]string{"f": "3\n"}},
		{"a file without newline at the end", map[string]string{"f": "a\nb"},
			"--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n",
			map[string]string{"f": "a\nc\n"}},
		{"a plain diff without a/ and b/", map[string]string{"f": "a\n"}, "--- f\n+++ f\n@@ -1 +1 @@\n-a\n+b\n",
			map[string]string{"f": "b\n"}},
		{"an empty file", nil, "diff --git a/e b/e\nnew file mode 100644\nindex 0000000..e69de29\n",
			map[string]string{"e": "<empty>"}},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			dir := tree(t, test.files)
			if err := patch.Apply(dir, file(t, test.patch), when); err != nil {
				t.Fatal(err)
			}
			for name, want := range test.want {
				data, err := os.ReadFile(filepath.Join(dir, name))
				switch {
				case want == "" && !errors.Is(err, os.ErrNotExist):
					t.Errorf("%s is %q, want none", name, data)
				case want == "<empty>" && (err != nil || len(data) > 0),
					want != "" && want != "<empty>" && string(data) != want:
					t.Errorf("%s is %q, %v, want %q", name, data, err, want)
				}
				if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.ModTime().Equal(when) {
					t.Errorf("%s has time %s", name, info.ModTime())
				}
			}
		})
	}
}

func mail(name, from, to string) string {
	return fmt.Sprintf("From 1111111111111111111111111111111111111111 Mon Sep 17 00:00:00 2001\nFrom: A <a@x>\nSubject: [PATCH] x\n\n---\n %[1]s | 2 +-\n\n"+
		"diff --git a/%[1]s b/%[1]s\nindex 1..2 100644\n--- a/%[1]s\n+++ b/%[1]s\n@@ -1 +1 @@\n-%[2]s\n+%[3]s\n-- \n2.39.5\n\n", name, from, to)
}

func TestApplyRefuses(t *testing.T) {
	change := func(name string) string {
		return "--- a/" + name + "\n+++ b/" + name + "\n@@ -1 +1 @@\n-x\n+y\n"
	}
	create := func(name string) string {
		return "diff --git a/" + name + " b/" + name +
			"\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/" + name +
			"\n@@ -0,0 +1 @@\n+evil\n"
	}
	tests := []struct{ description, patch, text string }{
		{"nothing", "", "changes no file"},
		{"only words", "hello\nworld\n", "changes no file"},
		{"a file that is not there", change("missing"), `file "missing"`},
		{"a line that differs", strings.Replace(moved, "-line 31", "-line thirty", 1),
			`file "f": hunk 2 (@@ -30,3 +31,2 @@) does not apply: line 31 is "line 31", the patch wants "line thirty"`},
		{"a file that is too short", "--- a/g\n+++ b/g\n@@ -90,2 +90,1 @@\n-nothing\n like\n", `hunk 1`},
		{"a hunk that is cut", "--- a/f\n+++ b/f\n@@ -1,5 +1,5 @@\n line 1\n", "reading patch"},
		{"a place far away", "--- a/g\n+++ b/g\n@@ -2000000000,1 +1,1 @@\n-none\n+y\n", "hunk 1"},
		{"a new file that is there", create("f"), "is there already"},
		{"a name outside", create("../evil"), "not allowed"},
		{"an absolute name", create("/tmp/evil"), ""},
		{"the repository itself", create(".git/hooks/post-checkout"), "not allowed"},
		{"the repository in capitals", create("sub/.GIT/config"), "not allowed"},
		{"a file beyond a link", create("out/evil"), "beyond the symbolic link"},
		{"a file beyond a link inside", create("in/evil"), "beyond the symbolic link"},
		{"binary without content", "diff --git a/b b/b\nindex 1..2 100644\nBinary files a/b and b/b differ\n", ""},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			outside := t.TempDir()
			dir := tree(t, map[string]string{"f": numbered(40), "g": "x\n", "d/x": "x\n",
				"out": "-> " + outside, "in": "-> d",
				".git/config": "mine\n"})
			err := patch.Apply(dir, file(t, test.patch), time.Time{})
			if err == nil || !strings.Contains(err.Error(), test.text) {
				t.Errorf("Apply: %v, want %q", err, test.text)
			}
			if left, _ := os.ReadDir(outside); len(left) > 0 {
				t.Errorf("something was written outside: %v", left)
			}
			if data, _ := os.ReadFile(filepath.Join(dir, ".git", "config")); string(data) != "mine\n" {
				t.Error("the repository was changed")
			}
		})
	}
}

// TestApplyAgreesWithGit lets git make the patch, of every kind of change at once.
func TestApplyAgreesWithGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: there is nothing to agree with")
	}
	before := map[string]string{"a": numbered(100), "b": "gone\n", "d/c": numbered(10),
		"bin": "\x00\x01\x02" + numbered(50),
		"l":   "-> a", "with space": "x\n", "ünicode": "x\n"}
	after := map[string]string{"a": strings.Replace(numbered(100), "line 50\n", "", 1) + "end",
		"d/moved": numbered(10) + "more\n",
		"bin":     "\x00\x01\x03" + numbered(60), "l": "-> d", "with space": "y\n", "ünicode": "y\n", "new": "n\n"}
	work := tree(t, before)
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@x"}, args...)...)
		cmd.Dir = work
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return string(out)
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "before")
	for name := range before {
		os.Remove(filepath.Join(work, name))
	}
	want := tree(t, after)
	if err := os.CopyFS(work, os.DirFS(want)); err != nil {
		t.Fatal(err)
	}
	git("add", "-A")
	git("commit", "-qm", "after")
	for _, args := range [][]string{{"diff", "--binary", "HEAD~1", "HEAD"},
		{"format-patch", "--binary", "--stdout", "HEAD~1"}} {
		dir := tree(t, before)
		if err := patch.Apply(dir, file(t, git(args...)), time.Time{}); err != nil {
			t.Fatal(err)
		}
		if got, want := contents(t, dir), contents(t, want); got != want {
			t.Errorf("git %v gives\n%q\nwant\n%q", args, got, want)
		}
	}
}

// TestApplyLikeGit makes patches of random changes to files that repeat themselves, and applies them to files that
// have moved on, or have the patch already: where git applies one, the result is the same; where git refuses, so do
// we.
func TestApplyLikeGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: there is nothing to agree with")
	}
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"a\n", "b\n", "\n", "c\n"}
	text := func(n int) (lines []string) {
		for range n {
			lines = append(lines, words[random.IntN(len(words))])
		}
		return lines
	}
	edit := func(lines []string) []string {
		lines = slices.Clone(lines)
		for range 1 + random.IntN(2) {
			at := random.IntN(len(lines) + 1)
			to := min(len(lines), at+random.IntN(3))
			lines = slices.Replace(lines, at, to, text(random.IntN(3))...)
		}
		return lines
	}
	applied := 0
	for range 120 {
		base := text(1 + random.IntN(12))
		next := edit(base)
		work := tree(t, map[string]string{"old/f": strings.Join(base, ""), "new/f": strings.Join(next, "")})
		diff := exec.Command("git", "diff", "--no-index", "--src-prefix=a/", "--dst-prefix=b/", "old/f", "new/f")
		diff.Dir = work
		out, _ := diff.Output() // exits with 1 where there is a difference
		made := strings.NewReplacer("a/old/f", "a/f", "b/new/f", "b/f").Replace(string(out))
		if made == "" {
			continue
		}
		for _, lines := range [][]string{base, next, edit(base), append(text(2), base...)} {
			dir := tree(t, map[string]string{"f": strings.Join(lines, "")})
			name := file(t, made)
			ours := patch.Apply(dir, name, time.Time{})
			got, err := os.ReadFile(filepath.Join(dir, "f"))
			if err != nil {
				t.Fatal(err)
			}
			theirs := tree(t, map[string]string{"f": strings.Join(lines, "")})
			apply := exec.Command("git", "apply", name)
			apply.Dir = theirs
			said, refused := apply.CombinedOutput()
			want, err := os.ReadFile(filepath.Join(theirs, "f"))
			if err != nil {
				t.Fatal(err)
			}
			if (ours == nil) != (refused == nil) || ours == nil && !bytes.Equal(got, want) {
				t.Errorf("%q on %q gives %q, %v; git %q, %v %s", made, lines, got, ours, want, refused, said)
			}
			if ours == nil {
				applied++
			}
		}
	}
	if applied < 100 {
		t.Errorf("only %d patches were applied", applied)
	}
}

// TestModes applies patches that make links and programs, and one that makes neither.
func TestModes(t *testing.T) {
	create := func(mode, content string) string {
		return "diff --git a/x b/x\nnew file mode " + mode + "\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+" + content +
			"\n\\ No newline at end of file\n"
	}
	for mode, want := range map[string]os.FileMode{"120000": os.ModeSymlink, "100755": 0o755, "100644": 0o644} {
		dir := tree(t, map[string]string{"f": "f\n"})
		if err := patch.Apply(dir, file(t, create(mode, "f")), time.Time{}); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(filepath.Join(dir, "x"))
		if err != nil || want == os.ModeSymlink && info.Mode().Type() != want ||
			want != os.ModeSymlink && info.Mode() != want {
			t.Errorf("mode %s gives %v, %v", mode, info.Mode(), err)
		}
		if target, err := os.Readlink(filepath.Join(dir, "x")); want == os.ModeSymlink &&
			(err != nil || target != "f") {
			t.Errorf("the link leads to %q, %v", target, err)
		}
	}
	if err := patch.Apply(tree(t, map[string]string{"f": "f\n"}), file(t, create("160000", "Subproject commit 1")),
		time.Time{}); err == nil {
		t.Error("a submodule was made a file")
	}
	dir := tree(t, map[string]string{"f": "f\n"})
	mode := "diff --git a/f b/f\nold mode 100644\nnew mode 100755\n"
	if err := patch.Apply(dir, file(t, mode), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "f")); err != nil || info.Mode() != 0o755 {
		t.Errorf("a change of mode gives %v, %v", info.Mode(), err)
	}
}

// TestAppliedAlready says so.
func TestAppliedAlready(t *testing.T) {
	dir := tree(t, map[string]string{"f": numbered(20)})
	text := "--- a/f\n+++ b/f\n@@ -18,3 +18,4 @@\n line 18\n line 19\n line 20\n+line 21\n"
	if err := patch.Apply(dir, file(t, text), time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := patch.Apply(dir, file(t, text), time.Time{}); err == nil ||
		!strings.Contains(err.Error(), "applied already") {
		t.Errorf("the second time: %v", err)
	}
}

func contents(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.Readlink(path)
		if err != nil {
			var data []byte
			if data, err = os.ReadFile(path); err != nil {
				return err
			}
			text = string(data)
		}
		fmt.Fprintf(&out, "%s=%s\n", strings.TrimPrefix(path, dir), text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func FuzzApply(f *testing.F) {
	f.Add(moved)
	f.Add(mail("f", "line 1", "x"))
	f.Add("diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc\n")
	f.Add("diff --git a/f b/f\nGIT binary patch\nliteral 3\nKcmZQzWMXFk0RR9101^NI\n\nliteral 0\nHcmV?d00001\n")
	f.Fuzz(func(t *testing.T, text string) {
		fuzzing.Case(t)
		parent := t.TempDir()
		dir := filepath.Join(parent, "tree")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "f"), []byte(numbered(40)), 0o644); err != nil {
			t.Fatal(err)
		}
		_ = patch.Apply(dir, file(t, text), time.Time{})
		left, err := os.ReadDir(parent)
		if err != nil || len(left) != 1 {
			t.Errorf("something was written outside: %v, %v", left, err)
		}
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			t.Error("a .git was made")
		}
	})
}
