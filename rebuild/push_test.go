package rebuild_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// TestPushedImagesHaveTags looks for a tag of what is pushed: registries take what has none for garbage.
func TestPushedImagesHaveTags(t *testing.T) {
	p := newPlayground(t)
	directory := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"write\", \"/f\", \"x\"]\n")})
	image := p.mustRun(t, p.options(t), target("one", directory)).Components[0].Image
	repository, sum, _ := strings.Cut(image, "@sha256:")
	tags, err := payloadtest.Client(t).Tags(t.Context(), repository)
	if err != nil || !slices.Contains(tags, "one-"+sum[:12]) {
		t.Errorf("%s has the tags %q, %v", image, tags, err)
	}
}

// headless has trees without a .git.
type headless struct{ directories }

func (headless) WriteHead(context.Context, gitsrc.Tree, string) error { return nil }

// TestPushedPlanHidesPaths looks for where the patches of a plan lie on the machine that pushed it.
func TestPushedPlanHidesPaths(t *testing.T) {
	p := newPlayground(t)
	options := p.options(t)
	options.Sources = headless{}
	job, err := rebuild.New(options)
	check(t, err)
	defer job.Close() //nolint:errcheck // the test's directory goes away
	patches := source(t, map[string]string{"quick.patch": "--- a/f\n+++ b/f\n"})
	one := target("one", source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY . /src\n")}))
	one.Patches = []string{filepath.Join(patches, "quick.patch")}
	time.Sleep(50 * time.Millisecond) // a file system's clock ticks slowly, and what was written now may be written again
	planned, err := job.Plan(t.Context(), p.request(one))
	check(t, err)
	pullSpec, err := job.Push(t.Context(), planned, p.registry.Host+"/mine/plans")
	check(t, err)
	image, open, err := payloadtest.Client(t).Raw(t.Context(), pullSpec)
	check(t, err)
	for _, blob := range image.Blobs {
		stream, err := open(blob).Open(t.Context())
		check(t, err)
		data, err := io.ReadAll(stream)
		check(t, errors.Join(err, stream.Close()))
		if strings.Contains(string(data), patches) {
			t.Errorf("the pushed plan has the path of its patch: %s", data)
		}
	}
	if planned.Components[0].Source.Request.Patches[0] != filepath.Join(patches, "quick.patch") {
		t.Errorf("pushing changed the plan: %q", planned.Components[0].Source.Request.Patches)
	}
}

// editing has trees that somebody edits while they are packed.
type editing struct{ directories }

func (editing) WriteHead(_ context.Context, tree gitsrc.Tree, _ string) error {
	return os.WriteFile(filepath.Join(tree.Directory, "f"), []byte("edited"), 0o644)
}

// TestPushOfChangingTree refuses to push a plan with another tree than it was made for.
func TestPushOfChangingTree(t *testing.T) {
	p := newPlayground(t)
	options := p.options(t)
	options.Sources = editing{}
	job, err := rebuild.New(options)
	check(t, err)
	defer job.Close() //nolint:errcheck // the test's directory goes away
	directory := source(t, map[string]string{"f": "x", "Dockerfile": p.dockerfile("FROM BASE\nCOPY f /f\n")})
	planned, err := job.Plan(t.Context(), p.request(target("one", directory)))
	check(t, err)
	_, err = job.Push(t.Context(), planned, p.registry.Host+"/mine/plans")
	if fault.KindOf(err) != fault.Build || fault.AdviceOf(err) != "Run it again." {
		t.Errorf("error %v, advice %q", err, fault.AdviceOf(err))
	}
}

// TestTagThatMoves makes two payloads under one tag: the first has a tag of its own then.
func TestTagThatMoves(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"f": "x", "Dockerfile": p.dockerfile("FROM BASE\nCOPY f /f\n")})
	build := func(content string) (*rebuild.Result, *recorder) {
		t.Helper()
		check(t, os.WriteFile(filepath.Join(directory, "f"), []byte(content), 0o644))
		heard := &recorder{}
		o := p.options(t)
		o.Progress = heard
		return p.mustRun(t, o, target("one", directory)), heard
	}
	tags := func() []string {
		t.Helper()
		all, err := payloadtest.Client(t).Tags(t.Context(), p.registry.Host+"/mine/release")
		check(t, err)
		return slices.DeleteFunc(all, func(tag string) bool { return strings.HasPrefix(tag, "one-") })
	}
	first, _ := build("x")
	before := tags()
	if len(before) != 1 {
		t.Fatalf("the repository has %q", before)
	}
	build("y")
	kept := before[0] + "-" + first.Release.Digest.Encoded()[:12]
	if after := tags(); !slices.Equal(after, []string{before[0], kept}) {
		t.Errorf("the repository has %q, want %s as well", after, kept)
	}
	sum, err := p.registry.Pull(t, p.registry.Host+"/mine/release:"+kept).Digest()
	if err != nil || sum.String() != first.Release.Digest.String() {
		t.Errorf("%s is %s (%v), want %s", kept, sum, err, first.Release.Digest)
	}
	build("y")
	if after := tags(); len(after) != 2 {
		t.Errorf("after a run that changes nothing the repository has %q", after)
	}

	p.registry.Fail(func(w http.ResponseWriter, r *http.Request) bool {
		refused := r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/"+before[0]+"-")
		if refused {
			w.WriteHeader(http.StatusForbidden)
		}
		return refused
	})
	defer p.registry.Fail(nil)
	if _, heard := build("z"); !heard.saw("", progress.Publish, progress.Warned) {
		t.Errorf("nothing is said of a payload without a tag: %+v", heard.events)
	}
}
