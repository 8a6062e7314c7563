package rebuild_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTreesAreKept edits a working tree in many ways. From the third build on a copy of the tree is in a stage that was
// kept, and what changed is copied over it: the image is the one that a build without any cache makes.
func TestTreesAreKept(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"Dockerfile": p.dockerfile(`FROM BUILDER AS builder
WORKDIR /work
RUN ["/bin/tool", "write", "/work/src/made", "before"]
COPY . src
RUN ["/bin/tool", "say", "compile"]
FROM BASE
COPY --from=builder /work /work
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
	}{
		{"the first build", write("edited", "2"), "whole"},
		{"the second", write("edited", "3"), "kept"},
		{"an edit", write("edited", "4"), "changed"},
		{"another edit, in a directory below", write("deep/down/file", "2"), "changed"},
		{"a new file in a new directory", write("new/below/file", "1"), "changed"},
		{"a file in the place of one that a step made", write("made", "1"), "changed"},
		{"permissions of a file", func() error { return os.Chmod(in("edited"), 0o755) }, "changed"},
		{"permissions of a directory", func() error { return os.Chmod(in("deep"), 0o700) }, "changed"},
		{"an empty directory", func() error { return os.Mkdir(in("empty"), 0o750) }, "changed"},
		{"a new link", func() error { return os.Symlink("edited", in("link")) }, "changed"},
		{"as it was kept, but for what is new", write("edited", "3"), "changed"},
		{"a file that is gone", func() error { return os.Remove(in("gone")) }, "kept"},
		{"an edit after that", write("edited", "5"), "changed"},
		{"a link that leads elsewhere", func() error {
			if err := os.Remove(in("link")); err != nil {
				return err
			}
			return os.Symlink("deep", in("link"))
		}, "kept"},
		{"a directory in the place of a file", func() error {
			if err := os.Remove(in("edited")); err != nil {
				return err
			}
			return write("edited/file", "1")()
		}, "kept"},
		{"one file under two names", func() error { return os.Link(in("other/file"), in("other/name")) }, "kept"},
		{"an edit of it", write("other/file", "2"), "kept"},
		{"an edit of another one", write("deep/down/file", "3"), "changed"},
		{"files that are left out", write(".dockerignore", "other\n"), "whole"},
	} {
		check(t, step.do())
		kept, log := build(false)
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
	if left := p.leftovers(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
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
