package rebuild_test

import (
	"net/http"
	"os"
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

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
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

// TestImagesThatAreOnlyUsed makes none of the images that a component is built on where the component is there: in the
// cache or, on another machine, in the repository of results.
func TestImagesThatAreOnlyUsed(t *testing.T) {
	p := newPlayground(t)
	_, request := p.pipeline(t)
	build := func(change ...func(*rebuild.Options)) (*rebuild.Result, *recorder) {
		t.Helper()
		heard := &recorder{}
		o := p.options(t)
		o.Progress, o.Results = heard, p.registry.Host+"/me/results"
		for _, f := range change {
			f(&o)
		}
		result, err := runRequest(t, t.Context(), o, request)
		check(t, err)
		return result, heard
	}
	first, _ := build()
	if tags := p.results(t); len(tags) != 1 {
		t.Fatalf("the repository has %q, want the component alone", tags)
	}
	for where, change := range map[string]func(*rebuild.Options){
		"without storage":    func(o *rebuild.Options) { o.Build.StorageRoot, o.Results = t.TempDir(), "" },
		"on another machine": func(o *rebuild.Options) { o.Build.StorageRoot, o.CacheDir = t.TempDir(), t.TempDir() },
	} {
		t.Run(where, func(t *testing.T) {
			result, heard := build(change)
			if result.Release.Digest != first.Release.Digest {
				t.Errorf("it is %s, want %s", result.Release.Digest, first.Release.Digest)
			}
			for _, event := range heard.events {
				if event.Stage == progress.Build && event.State == progress.Started || event.Stage == progress.Pull {
					t.Errorf("%+v", event)
				}
			}
		})
	}
}

// siblings writes a source whose image is built on one that is built on another, in which a step runs, and asks for it.
func (p *playground) siblings(t *testing.T, step string) plan.Request {
	t.Helper()
	directory := source(t, map[string]string{
		"Dockerfile": "FROM whatever\nCOPY Dockerfile /\n",
		"config.yaml": "base_images:\n  base: {namespace: ocp, name: \"4.12\", tag: base}\nimages:\n" +
			"- to: below\n  from: base\n  dockerfile_literal: |\n    FROM whatever\n    " + step + "\n" +
			"- to: sibling\n  from: below\n  dockerfile_literal: |\n    FROM whatever\n    COPY config.yaml /\n" +
			"- {to: one, from: sibling}\n" +
			"promotion: {to: [{namespace: ocp, name: \"4.12\"}]}\n" +
			"zz_generated_metadata: {org: example, repo: one, branch: main}\n"})
	request := p.request(plan.Target{Name: "one", Source: directory, Config: filepath.Join(directory, "config.yaml")})
	request.BaseImages = []string{"ocp/4.12:base=" + p.base}
	return request
}

// TestImageThatIsUsedFails builds on an image that cannot be made: why is told once.
func TestImageThatIsUsedFails(t *testing.T) {
	p := newPlayground(t)
	request := p.siblings(t, `RUN ["/bin/tool", "fail"]`)
	heard := &recorder{}
	o := p.options(t)
	o.Progress = heard
	_, err := runRequest(t, t.Context(), o, request)
	if failures := image.Failures(err); len(failures) != 1 || failures[0].Component != "example/one:below" ||
		fault.KindOf(err) != fault.Build || !strings.Contains(fault.AdviceOf(err), ".log") {
		t.Errorf("the error is %v with advice %q, of %d steps", err, fault.AdviceOf(err), len(failures))
	}
	said := map[string][]string{}
	for _, event := range heard.events {
		if event.State == progress.Failed {
			said[event.Component] = append(said[event.Component], event.Message)
		}
	}
	want := []string{"it is built on example/one:below"}
	if len(said["example/one:below"]) != 1 || !slices.Equal(said["example/one:sibling"], want) ||
		!slices.Equal(said["one"], want) {
		t.Errorf("it was said: %q", said)
	}
}

// TestSecretOfAnImageThatIsUsed builds on an image that was made with a secret: of another secret comes another image.
func TestSecretOfAnImageThatIsUsed(t *testing.T) {
	p := newPlayground(t)
	request := p.siblings(t,
		`RUN --mount=type=secret,id=token ["/bin/tool", "copy", "/run/secrets/token", "/made"]`)
	var payloads []string
	for _, secret := range []string{"first", "second"} {
		file := filepath.Join(t.TempDir(), "token")
		check(t, os.WriteFile(file, []byte(secret), 0o600))
		o := p.options(t)
		o.Secrets, o.Results = []string{"id=token,src=" + file}, p.registry.Host+"/me/results"
		result, err := runRequest(t, t.Context(), o, request)
		check(t, err)
		payloads = append(payloads, result.Release.Digest.String())
	}
	if payloads[0] == payloads[1] {
		t.Error("the image of the first secret was taken for that of the second")
	}
}
