package rebuild_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// results lists the tags of the repository of results.
func (p *playground) results(t *testing.T) []string {
	t.Helper()
	repository, err := name.NewRepository(p.registry.Host+"/me/results", name.Insecure)
	check(t, err)
	tags, err := remote.List(repository)
	check(t, err)
	return tags
}

// TestResultsOfAnEditedTree edits the source while it is built: nobody takes the image for that of the tree before.
func TestResultsOfAnEditedTree(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"f": "x", "Dockerfile": p.dockerfile("FROM BASE\nCOPY f /f\n")})
	time.Sleep(50 * time.Millisecond) // a file system's clock ticks slowly
	heard := &editor{file: filepath.Join(directory, "f")}
	o := p.options(t)
	o.Progress, o.Results = heard, p.registry.Host+"/me/results"
	p.mustRun(t, o, target("one", directory))
	if !heard.saw("one", progress.Build, progress.Warned) {
		t.Errorf("nothing is said of the edit: %+v", heard.events)
	}
	repository, err := name.NewRepository(p.registry.Host+"/me/results", name.Insecure)
	check(t, err)
	if tags, err := remote.List(repository); err == nil && len(tags) > 0 {
		t.Errorf("others find %q", tags)
	}
}

// TestResults builds nothing that another machine built, and goes on where the registry has something else under the
// name, or lets nobody read or write.
func TestResults(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
		"Dockerfile": p.dockerfile("FROM BASE\nCOPY x.yaml /manifests/x.yaml\nLABEL io.openshift.release.operator=true\n")})
	component := target("one", directory)
	on := func(machine string, change ...func(*rebuild.Options)) (payload string, heard *recorder) {
		o := p.options(t)
		heard = &recorder{}
		o.Progress, o.Results = heard, p.registry.Host+"/me/results"
		if machine != "this" { // has nothing of the other's
			o.CacheDir, o.Build.StorageRoot = t.TempDir(), t.TempDir()
		}
		for _, f := range change {
			f(&o)
		}
		return p.mustRun(t, o, component).Release.Image, heard
	}
	want, first := on("this", func(o *rebuild.Options) { o.Results = "" })
	if !first.saw("one", progress.Build, progress.Done) {
		t.Fatal("nothing was built")
	}
	if _, heard := on("this"); !heard.saw("one", progress.Build, progress.Skipped) { // known here, and recorded now
		t.Fatal("it was built again")
	}
	tags := p.results(t)
	if len(tags) != 1 || !strings.HasPrefix(tags[0], "build-") {
		t.Fatalf("the repository has %q", tags)
	}

	p.registry.Reset()
	got, heard := on("another")
	if got != want || heard.saw("one", progress.Build, progress.Started) ||
		!heard.saw("one", progress.Build, progress.Skipped) {
		t.Errorf("the other machine: %s, want %s; %+v", got, want, heard.events)
	}
	requests, _ := p.registry.Reset()
	if looked := slices.DeleteFunc(requests,
		func(r string) bool { return !strings.Contains(r, "/manifests/build-") }); len(looked) != 1 {
		t.Errorf("asked for the record: %q", looked)
	}
	t.Run("to another repository", func(t *testing.T) {
		o := p.options(t)
		heard := &recorder{}
		o.Progress, o.Results = heard, p.registry.Host+"/me/results"
		o.CacheDir, o.Build.StorageRoot = t.TempDir(), t.TempDir()
		result, err := p.runTo(t, t.Context(), o, "yours/release", component)
		check(t, err)
		if image := result.Components[0].Image; !strings.Contains(image, "/yours/release@") ||
			heard.saw("one", progress.Build, progress.Started) {
			t.Errorf("the image is %s; %+v", image, heard.events)
		}
		p.registry.Pull(t, result.Components[0].Image)
	})
	t.Run("no cache", func(t *testing.T) {
		if got, heard := on("another", func(o *rebuild.Options) { o.NoCache = true }); got != want ||
			!heard.saw("one", progress.Build, progress.Done) {
			t.Errorf("%s, want %s; %+v", got, want, heard.events)
		}
	})

	artifact, err := mutate.AppendLayers(empty.Image, static.NewLayer([]byte("{}"), "application/vnd.example+json"))
	check(t, err)
	for what, image := range map[string]v1.Image{"an empty image": empty.Image,
		"something that is no image": artifact} {
		t.Run(what, func(t *testing.T) {
			p.registry.Push(t, "me/results", tags[0], image)
			got, heard := on("another")
			if got != want || !heard.saw("one", progress.Build, progress.Done) ||
				!heard.saw("one", progress.Build, progress.Warned) {
				t.Errorf("%s, want %s; %+v", got, want, heard.events)
			}
			if _, heard := on("another"); !heard.saw("one", progress.Build, progress.Skipped) {
				t.Errorf("it was not put right: %+v", heard.events)
			}
		})
	}
	t.Run("nobody may read or write", func(t *testing.T) {
		p.registry.Fail(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/me/results/") {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			return true
		})
		defer p.registry.Fail(nil)
		got, heard := on("another")
		if got != want || !heard.saw("one", progress.Build, progress.Done) ||
			!heard.saw("one", progress.Build, progress.Warned) || !heard.saw("one", progress.Push, progress.Warned) {
			t.Errorf("%s, want %s; %+v", got, want, heard.events)
		}
	})
}

// TestResultThatLostALayer builds what others built where the registry has its manifest and not its layers any more, and
// gives them to it again.
func TestResultThatLostALayer(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"f": "x", "Dockerfile": p.dockerfile("FROM BASE\nCOPY f /f\n")})
	build := func(repository string) (*rebuild.Result, *recorder) {
		t.Helper()
		heard := &recorder{}
		o := p.options(t)
		o.Progress, o.Results = heard, p.registry.Host+"/me/results"
		o.CacheDir, o.Build.StorageRoot = t.TempDir(), t.TempDir()
		result, err := p.runTo(t, t.Context(), o, repository, target("one", directory))
		check(t, err)
		return result, heard
	}
	first, _ := build("first/release")
	layers, err := p.registry.Pull(t, first.Components[0].Image).Layers()
	check(t, err)
	layer, err := layers[len(layers)-1].Digest()
	check(t, err)
	var given atomic.Bool
	p.registry.Fail(func(w http.ResponseWriter, r *http.Request) bool {
		if given.Load() || !strings.Contains(r.URL.String(), layer.Hex) {
			return false
		}
		switch r.Method {
		case http.MethodPost: // nothing is mounted
			r.URL.RawQuery = ""
		case http.MethodPut:
			given.Store(strings.Contains(r.URL.Path, "/me/results/"))
		default:
			http.NotFound(w, r)
			return true
		}
		return false
	})
	defer p.registry.Fail(nil)
	second, heard := build("second/release")
	if second.Components[0].Digest != first.Components[0].Digest || !heard.saw("one", progress.Push, progress.Warned) ||
		!heard.saw("one", progress.Build, progress.Done) {
		t.Errorf("%+v; %+v", second.Components, heard.events)
	}
	p.registry.Pull(t, second.Components[0].Image)
	if _, heard := build("third/release"); heard.saw("one", progress.Build, progress.Started) {
		t.Errorf("what was given again is not found: %+v", heard.events)
	}
}
