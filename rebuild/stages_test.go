package rebuild_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// stagesTests are Dockerfiles whose steps say what they do, with what is said again by a build after an edit of the
// file "edited".
var stagesTests = []struct {
	name    string
	long    bool // for `make test-long` only
	runtime bool // try it with every isolation, as `make test-long` does
	text    string
	again   string
}{
	{"up to COPY . .", true, false, `FROM BUILDER AS builder
RUN ["/bin/tool", "say", "prepare"]
RUN ["/bin/tool", "write", "/tools/x", "made once"]
COPY . /src
RUN ["/bin/tool", "say", "compile"]
FROM BASE
COPY --from=builder /tools/x /x
COPY --from=builder /src/edited /edited
`, "compile"},
	{"arguments and variables", true, false, `ARG OUTER=outer
FROM BUILDER AS builder
ARG OUTER
ARG INNER=inner
ENV COLOUR=blue
WORKDIR /work/here
RUN ["/bin/tool", "say", "prepare"]
COPY . .
SHELL ["/bin/tool", "-c"]
RUN write relative ${OUTER}-${INNER}-$COLOUR
FROM BASE
COPY --from=builder /work/here /all
`, ""},
	{"in the image itself", false, true, `FROM BUILDER AS builder
COPY . /src
RUN ["/bin/tool", "say", "compile"]
FROM BASE
ENV COLOUR=blue
WORKDIR /work/here
RUN ["/bin/tool", "say", "install"]
RUN ["/bin/tool", "write", "/usr/share/one", "1"]
RUN ["/bin/tool", "write", "/usr/share/two", "2"]
RUN ["/bin/tool", "link", "/usr/share/one", "/usr/share/link"]
RUN ["/bin/tool", "remake", "/opt/one"]
RUN ["/bin/tool", "write", "/opt/one/new", "1"]
RUN ["/bin/tool", "remove", "/opt/two"]
COPY --from=builder /src/edited /edited
RUN ["/bin/tool", "remove", "/usr/share/two"]
RUN ["/bin/tool", "write", "/opt/two/again", "1"]
RUN ["/bin/tool", "remake", "/usr/share"]
RUN ["/bin/tool", "write", "/opt/one/newer", "1"]
USER 1001
LABEL io.openshift.release.operator=true
ENTRYPOINT ["/bin/tool"]
`, "compile"},
	{"files of the context that do not change", true, false, `FROM BUILDER AS builder
COPY go.* /src/
RUN ["/bin/tool", "say", "download"]
COPY . /src
RUN ["/bin/tool", "say", "compile"]
FROM BASE
COPY --from=builder /src/edited /edited
`, "compile"},
	{"a whole stage", false, false, `FROM BUILDER AS web
COPY web /web
RUN ["/bin/tool", "say", "pack"]
RUN ["/bin/tool", "copy", "/web/page", "/packed"]
FROM BUILDER AS builder
COPY . /src
RUN ["/bin/tool", "say", "compile"]
FROM web AS more
RUN ["/bin/tool", "say", "more"]
FROM BASE
COPY manifests /manifests
RUN ["/bin/tool", "say", "install"]
COPY --from=web /packed /packed
COPY --from=1 /src/edited /edited
`, "compile more"},
}

// TestStagesAreKept builds each Dockerfile often enough to keep what can be, then after an edit, and then without any
// cache. What was kept must make no difference, and not be built again. `make test-long` builds all of them.
func TestStagesAreKept(t *testing.T) {
	p, long := newPlayground(t), isLong()
	tool := staticTool(t)
	p.base = p.registry.Push(t, "bases/base", "old",
		baseImage(t, map[string]string{"bin/tool": tool, "opt/one/old": "1", "opt/one/older": "1", "opt/two/old": "1"}))
	for _, isolation := range isolations(t) {
		for _, test := range stagesTests {
			if isolation != "chroot" && (!test.runtime || !long) || test.long && !long {
				continue
			}
			t.Run(isolation+" "+test.name, func(t *testing.T) {
				directory := source(t, map[string]string{"Dockerfile": p.dockerfile(test.text), "edited": "1",
					"go.mod": "module x",
					"go.sum": "", "web/page": "page", "manifests/a.yaml": "a: 1\n"})
				p.cache = t.TempDir()
				build := func(noCache bool) (*rebuild.Result, string) {
					t.Helper()
					forget(t, p)
					o := p.options(t)
					o.Build.Isolation, o.NoCache, o.KeepStagesAfter = isolation, noCache, 1
					result := p.mustRun(t, o, target("one", directory))
					log, err := os.ReadFile(result.Components[0].Log)
					check(t, err)
					return result, said(string(log))
				}
				first, everything := build(false)
				if second, _ := build(false); second.Release.Digest != first.Release.Digest {
					t.Errorf("the second build made %s, the first %s", second.Components[0].Digest,
						first.Components[0].Digest)
				}
				check(t, os.WriteFile(filepath.Join(directory, "edited"), []byte("2"), 0o644))
				kept, again := build(false)
				if again != test.again {
					t.Errorf("after the edit the build said %q, want %q", again, test.again)
				}
				plain, all := build(true)
				if all != everything {
					t.Errorf("without a cache the build said %q, want %q", all, everything)
				}
				if kept.Release.Digest != plain.Release.Digest {
					t.Errorf("the build with kept stages made %s, the one without %s", kept.Components[0].Digest,
						plain.Components[0].Digest)
				}
			})
		}
	}
	if left := p.leftovers(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	stacks := make([]byte, 1<<20)
	for wait := time.Millisecond; ; wait *= 2 {
		running := string(stacks[:runtime.Stack(stacks, true)])
		if !strings.Contains(running, "tar-split") {
			break
		} else if wait > time.Second {
			t.Fatalf("layers are still being read:\n%s", running)
		}
		time.Sleep(wait)
	}
}

// said returns the words that steps said on lines of their own.
func said(log string) string {
	var words []string
	for line := range strings.Lines(log) {
		switch word := strings.TrimSpace(line); word {
		case "prepare", "download", "compile", "install", "pack", "more":
			words = append(words, word)
		}
	}
	slices.Sort(words) // what is prepared comes first
	return strings.Join(words, " ")
}

// keptStages lists the images of stages that are kept.
func keptStages(t *testing.T, p *playground) []string {
	t.Helper()
	b, err := builder.Open(t.Context(), builder.Options{StorageRoot: p.storage, Temp: t.TempDir(), Isolation: "chroot"})
	check(t, err)
	names, err := b.Named("localhost/oc-rebuild-stage:")
	check(t, errors.Join(err, b.Close()))
	return names
}

// TestKeptStagesAreForgotten prunes what builds kept: at once, and by the next build that keeps something.
func TestKeptStagesAreForgotten(t *testing.T) {
	p := newPlayground(t)
	files := map[string]string{"Dockerfile": "", "edited": "1"}
	after := time.Nanosecond
	directory := source(t, files)
	build := func(word string) string {
		t.Helper()
		text := p.dockerfile("FROM BUILDER AS builder\nRUN [\"/bin/tool\", \"say\", \"" + word +
			"\"]\nCOPY . /src\nFROM BASE\nCOPY --from=builder /src/edited /edited\n")
		check(t, os.WriteFile(filepath.Join(directory, "Dockerfile"), []byte(text), 0o644))
		forget(t, p)
		o := p.options(t)
		o.KeepStagesAfter = after
		result := p.mustRun(t, o, target("one", directory))
		log, err := os.ReadFile(result.Components[0].Log)
		check(t, err)
		return said(string(log))
	}
	want := func(what string, count int) {
		t.Helper()
		if names := keptStages(t, p); len(names) != count {
			t.Errorf("%s: %d kept stages, want %d: %q", what, len(names), count, names)
		}
	}
	build("prepare")
	want("after a build", 1)
	if again := build("prepare"); again != "" {
		t.Errorf("the second build said %q", again)
	}
	check(t, os.RemoveAll(filepath.Join(p.cache, "compile"))) // what the step may have put there is gone
	if again := build("prepare"); again != "prepare" {
		t.Errorf("without the compile cache the build said %q, want it to prepare again", again)
	}
	want("after two", 2)
	check(t, image.ForgetStages(t.Context(), p.cache, time.Now().Add(-time.Hour)))
	want("with nothing old", 2)
	check(t, image.ForgetStages(t.Context(), p.cache, time.Now().Add(time.Hour)))
	want("with all old", 0)
	check(t, image.ForgetStages(t.Context(), p.cache, time.Now().Add(time.Hour))) // records whose images are gone
	build("install")
	check(t, os.RemoveAll(filepath.Join(p.cache, "stages")))
	build("pack")
	want("after records were pruned", 1)
	after = time.Hour
	build("more")
	want("after a build of a stage that is not worth it", 1)
	if again := build("more"); again != "more" {
		t.Errorf("the second build said %q, want more", again)
	}
	if left := p.leftovers(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestBaseWithoutHistory builds on a base whose config does not say how it was made: some tools write none.
func TestBaseWithoutHistory(t *testing.T) {
	p := newPlayground(t)
	base := baseImage(t, map[string]string{"bin/tool": staticTool(t)})
	config, err := base.ConfigFile()
	check(t, err)
	config = config.DeepCopy()
	config.History = nil
	base, err = mutate.ConfigFile(base, config)
	check(t, err)
	p.base = p.registry.Push(t, "bases/base", "bare", base)
	directory := source(t, map[string]string{"Dockerfile": p.dockerfile(
		"FROM BASE\nRUN [\"/bin/tool\", \"write\", \"/one\", \"1\"]\nCOPY file /file\nRUN [\"/bin/tool\", \"remove\", \"/one\"]\n"), "file": "1"})
	var digests []string
	for _, noCache := range []bool{false, false, true} {
		forget(t, p)
		o := p.options(t)
		o.NoCache, o.KeepStagesAfter = noCache, 1
		digests = append(digests, string(p.mustRun(t, o, target("one", directory)).Components[0].Digest))
	}
	if digests[0] != digests[1] || digests[0] != digests[2] {
		t.Errorf("the builds made %q, want the same", digests)
	}
}

// TestKeptStageGoesAway loses a kept stage, as when other runs keep more than there is room for, after the build was
// told to begin with it.
func TestKeptStageGoesAway(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"edited": "1", "Dockerfile": p.dockerfile(`FROM BUILDER AS slow
COPY edited /edited
RUN ["/bin/tool", "say", "compile"]
RUN ["/bin/tool", "talk"]
FROM BUILDER AS kept
RUN ["/bin/tool", "say", "prepare"]
COPY edited /edited
FROM BASE
COPY --from=slow /edited /slow
COPY --from=kept /edited /kept
`)})
	build := func(noCache bool, during func()) (sum digest.Digest, words string) {
		t.Helper()
		forget(t, p)
		o := p.options(t)
		o.NoCache, o.KeepStagesAfter = noCache, 1
		o.Progress = &interrupter{stage: progress.Build, state: progress.Running, text: "no, no", cancel: during}
		result := p.mustRun(t, o, target("one", directory))
		log, err := os.ReadFile(result.Components[0].Log)
		check(t, err)
		return result.Components[0].Digest, said(string(log))
	}
	want, _ := build(true, func() {})
	edit := func(text string) { check(t, os.WriteFile(filepath.Join(directory, "edited"), []byte(text), 0o644)) }
	edit("2")
	build(false, func() {})
	edit("1")
	if len(keptStages(t, p)) != 1 {
		t.Fatalf("kept: %q", keptStages(t, p))
	}
	got, words := build(false, func() {
		b, err := builder.Open(t.Context(), builder.Options{StorageRoot: p.storage, Temp: t.TempDir(), Isolation: "chroot"})
		if err != nil {
			t.Error(err)
			return
		}
		for _, name := range keptStages(t, p) {
			err = errors.Join(err, b.Forget(name))
		}
		if err := errors.Join(err, b.Close()); err != nil {
			t.Error(err)
		}
	})
	if got != want || words != "compile compile prepare" {
		t.Errorf("without the kept stage: %s, want %s; it said %q", got, want, words)
	}
	if left := p.leftovers(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
