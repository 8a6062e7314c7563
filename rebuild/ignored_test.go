package rebuild_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// ignoring is a Sources of local trees in which git ignores something, or that have submodules which are not there.
type ignoring struct {
	directories
	ignored, empty []string
	heads          map[string]string
}

func (i ignoring) Fetch(ctx context.Context, request gitsrc.Request, directory string) (gitsrc.Tree, error) {
	tree, err := i.directories.Fetch(ctx, request, directory)
	tree.Ignored, tree.Empty, tree.Heads = i.ignored, i.empty, i.heads
	return tree, err
}

func TestIgnoredFilesStayOutOfTheImage(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{
		"Dockerfile": p.dockerfile("FROM BASE\nCOPY . /src\n"), ".dockerignore": "docs\n!bin\n",
		"main.go": "x", "docs/readme": "x", "bin/program": "x", "notes [1]*.txt": "x", "!odd": "x", "keep/bin/x": "x",
	})
	o := p.options(t)
	o.Sources = ignoring{ignored: []string{"bin/", "notes [1]*.txt", "!odd"}}
	first := p.mustRun(t, o, target("one", directory))
	places := map[string]string{}
	p.addFiles(t, places, "", p.pullLayers(t, first.Components[0].Image))
	var got []string
	for _, name := range sorted(places) {
		if strings.HasPrefix(name, " src/") && !strings.HasSuffix(name, "/") {
			got = append(got, strings.TrimPrefix(name, " src/"))
		}
	}
	if diff := cmp.Diff([]string{".dockerignore", "Dockerfile", "keep/bin/x", "main.go"}, got); diff != "" {
		t.Errorf("files of the image (-want +got):\n%s", diff)
	}
	check(t, os.WriteFile(filepath.Join(directory, "bin", "program"), []byte("another"), 0o644))
	if second := p.mustRun(t, o, target("one", directory)); second.Release.Digest != first.Release.Digest {
		t.Errorf("a change of an ignored file made %s of %s", second.Release.Digest, first.Release.Digest)
	}
}

// A mount of the build context shows steps no more than COPY takes.
func TestIgnoredFilesStayOutOfMounts(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"seen": "seen", "bin/secret": "secret", "Dockerfile": p.dockerfile(
		"FROM BASE\nRUN --mount=type=bind,target=/src [\"/bin/tool\", \"copy\", \"/src/bin/secret\", \"/got\"]\n")})
	o := p.options(t)
	if _, err := p.run(t, t.Context(), o, target("one", directory)); err != nil {
		t.Fatal(err)
	}
	o = p.options(t)
	o.Sources = ignoring{ignored: []string{"bin/"}}
	if _, err := p.run(t, t.Context(), o, target("one", directory)); fault.KindOf(err) != fault.Build {
		t.Errorf("a step that reads an ignored file: %v", err)
	}
}

// TestOddDirectories builds from directories whose names mean something to the kernel's overlay file system.
func TestOddDirectories(t *testing.T) {
	p := newPlayground(t)
	for _, name := range []string{"a,b", "a:b", `a\b`, "a b"} {
		directory := filepath.Join(source(t, map[string]string{name +
			"/Dockerfile": p.dockerfile("FROM BASE\nCOPY . /src\n")}), name)
		p.mustRun(t, p.options(t), target("one", directory))
		forget(t, p)
	}
}

// TestCommitsOfSubmodulesCount builds again where a submodule is at another commit with the same files, which a step may
// ask git for.
func TestCommitsOfSubmodulesCount(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY . /src\n")})
	for i, at := range []struct {
		commit  string
		skipped bool
	}{{"a", false}, {"a", true}, {"b", false}, {"a", true}} {
		heard := &recorder{}
		o := p.options(t)
		o.Sources, o.Progress = ignoring{heads: map[string]string{"inner": at.commit}}, heard
		p.mustRun(t, o, target("one", directory))
		if heard.saw("one", progress.Build, progress.Skipped) != at.skipped {
			t.Errorf("run %d, of %q: %+v", i, at.commit, heard.events)
		}
	}
}
