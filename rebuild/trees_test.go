package rebuild_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
)

// TestTreesAreKept edits a working tree in many ways. From the third build on a copy of the tree is in a stage that was
// kept, and what changed is copied over it: the image is the one that a build without any cache makes. `make test-long`
// makes all of the edits.
func TestTreesAreKept(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"Dockerfile": p.dockerfile(`FROM BUILDER AS builder
WORKDIR /app
RUN ["/bin/tool", "write", "/app/src/made", "before"]
COPY . src
RUN ["/bin/tool", "say", "compile"]
FROM BASE
COPY --from=builder /app /app
`), "edited": "1", "deep/down/file": "1", "gone": "1", "other/file": "1"})
	in := func(name string) string { return filepath.Join(directory, name) }
	write := func(name, text string) func() error {
		return func() error {
			if err := os.MkdirAll(filepath.Dir(in(name)), 0o755); err != nil {
				return err
			}
			return os.WriteFile(in(name), []byte(text), 0o644)
		}
	}
	build := func(noCache bool) (digest, log string) {
		t.Helper()
		forget(t, p)
		o := p.options(t)
		o.NoCache, o.KeepStagesAfter, o.KeepTreesOf = noCache, 1, 1
		result := p.mustRun(t, o, target("one", directory))
		text, err := os.ReadFile(result.Components[0].Log)
		check(t, err)
		return result.Components[0].Digest.String(), string(text)
	}
	for _, step := range []struct {
		what string
		do   func() error
		how  string // how the tree gets into the stage: whole; kept: as it is kept now; changed: what changed is copied
		long bool   // for `make test-long` only
	}{
		{"the first build", write("edited", "2"), "whole", false},
		{"the second", write("edited", "3"), "kept", false},
		{"an edit", write("edited", "4"), "changed", false},
		{"another edit, in a directory below", write("deep/down/file", "2"), "changed", true},
		{"a new file in a new directory", write("new/below/file", "1"), "changed", true},
		{"a file in the place of one that a step made", write("made", "1"), "changed", false},
		{"permissions of a file", func() error { return os.Chmod(in("edited"), 0o755) }, "changed", true},
		{"permissions of a directory", func() error { return os.Chmod(in("deep"), 0o700) }, "changed", false},
		{"an empty directory", func() error { return os.Mkdir(in("empty"), 0o750) }, "changed", true},
		{"a new link", func() error { return os.Symlink("edited", in("link")) }, "changed", true},
		{"as it was kept, but for what is new", write("edited", "3"), "changed", true},
		{"a file that is gone", func() error { return os.Remove(in("gone")) }, "kept", false},
		{"an edit after that", write("edited", "5"), "changed", false},
		{"a link that leads elsewhere", func() error {
			if err := os.Remove(in("link")); err != nil {
				return err
			}
			return os.Symlink("deep", in("link"))
		}, "kept", true},
		{"a directory in the place of a file", func() error {
			if err := os.Remove(in("edited")); err != nil {
				return err
			}
			return write("edited/file", "1")()
		}, "kept", true},
		{"one file under two names", func() error { return os.Link(in("other/file"), in("other/name")) }, "whole", true},
		{"one name of it is gone", func() error { return os.Remove(in("other/name")) }, "kept", true},
		{"a repository", write(".git/HEAD", "ref: refs/heads/main\n"), "changed", false},
		{"another branch in it", write(".git/HEAD", "ref: refs/heads/mine\n"), "changed", true},
		{"a pipe", func() error { return unix.Mkfifo(in("pipe"), 0o644) }, "whole", true},
		{"a file in the place of the pipe", func() error {
			if err := os.Remove(in("pipe")); err != nil {
				return err
			}
			return write("pipe", "1")()
		}, "changed", true},
		{"files that are left out", write(".dockerignore", "other\n"), "whole", true},
	} {
		if step.long && !isLong() {
			continue
		}
		check(t, step.do())
		kept, log := build(false)
		if names := keptStages(t, p); len(names) > 2 {
			t.Errorf("%s: %q are kept", step.what, names)
		}
		how := "whole"
		switch {
		case strings.Contains(log, "COPY --from=oc-rebuild-changed-0 . src"):
			how = "changed"
		case !strings.Contains(afterKeeping(log), "COPY . src"):
			how = "kept"
		}
		if how != step.how {
			t.Errorf("%s: the tree was %s, want %s\n%s", step.what, how, step.how, log)
		}
		if plain, _ := build(true); kept != plain {
			t.Errorf("%s: the image is %s, without a cache it is %s", step.what, kept, plain)
		}
	}
	check(t, image.ForgetStages(t.Context(), p.cache, time.Now().Add(time.Hour)))
	names := keptStages(t, p)
	if left := p.leftovers(t); len(left)+len(names) > 0 {
		t.Errorf("left behind: %q, %q", left, names)
	}
}

// working is a source that differs from its commit.
type working struct{ directories }

func (w working) Fetch(ctx context.Context, request gitsrc.Request, directory string) (gitsrc.Tree, error) {
	tree, err := w.directories.Fetch(ctx, request, directory)
	tree.Dirty = true
	return tree, err
}

// TestDirtyTreeIsKept at its first build: somebody works on it.
func TestDirtyTreeIsKept(t *testing.T) {
	p := newPlayground(t)
	directory := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BUILDER AS builder\nCOPY . /src\nRUN [\"/bin/tool\", \"say\", \"compile\"]\n" +
			"FROM BASE\nCOPY --from=builder /src /src\n"), "edited": "1"})
	for i, want := range []string{"RUN", "COPY --from=oc-rebuild-changed-0 . /src"} {
		check(t, os.WriteFile(filepath.Join(directory, "edited"), []byte{byte('2' + i)}, 0o644))
		var digests []string
		for _, noCache := range []bool{false, true} {
			forget(t, p)
			o := p.options(t)
			o.Sources, o.NoCache, o.KeepTreesOf = working{}, noCache, 1
			result := p.mustRun(t, o, target("one", directory))
			digests = append(digests, result.Components[0].Digest.String())
			log, err := os.ReadFile(result.Components[0].Log)
			check(t, err)
			if !noCache && (!strings.Contains(string(log), "[1/2] STEP 2/"+strconv.Itoa(2+i)+": "+want)) {
				t.Errorf("build %d said\n%s", i, log)
			}
		}
		if digests[0] != digests[1] {
			t.Errorf("build %d made %q", i, digests)
		}
	}
}

// afterKeeping returns what a log says of the build itself, without the stages that were kept before: only that has
// more than one stage.
func afterKeeping(log string) string {
	if at := strings.LastIndex(log, "[1/2]"); at >= 0 {
		rest := log[:at]
		if begin := strings.Index(log, "[1/2]"); begin >= 0 {
			rest = log[begin:]
		}
		return rest
	}
	return log
}
