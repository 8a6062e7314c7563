package rebuild_test

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// TestMain is what a program that builds images needs: buildah starts copies of it.
func TestMain(m *testing.M) {
	if builder.Reexec() {
		return
	}
	if err := builder.EnterUserNamespace(context.Background()); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// commit and commitTime stand for the source's git history, which these tests do without.
const commit = "0123456789012345678901234567890123456789"

var commitTime = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// directories is a Sources that takes local trees as they are.
type directories struct{}

func (directories) Fetch(_ context.Context, request gitsrc.Request, _ string) (gitsrc.Tree, error) {
	return gitsrc.Tree{Kind: gitsrc.Local, Repository: request.Repository, Commit: commit, Ref: "main",
		Path: request.Spec.Path,
		Time: commitTime, Directory: request.Spec.Path}, nil
}

// OnBranch is for commits.
func (directories) OnBranch(context.Context, string, string, ...string) (bool, error) {
	return false, errors.ErrUnsupported
}

// WriteHead is for trees of a repository.
func (directories) WriteHead(context.Context, gitsrc.Tree, string) error {
	return errors.ErrUnsupported
}

// View is for commits.
func (directories) View(context.Context, gitsrc.Request) (*gitsrc.Revision, gitsrc.Tree, error) {
	return nil, gitsrc.Tree{}, errors.ErrUnsupported
}

// playground is a registry with a payload of two components and bases to build on, and a machine's directories.
type playground struct {
	registry *payloadtest.Registry
	release  payloadtest.Seeded
	builder  string // pull spec of a base with a program called go
	base     string // pull spec of a base without
	cache    string
	storage  string
	temp     string // $TMPDIR
	policy   string // a policy.json outside of temp, where clients would otherwise keep one on a machine that has none
}

// newPlayground seeds a registry and makes empty directories.
func newPlayground(t *testing.T) *playground {
	t.Helper()
	tool := staticTool(t)
	p := &playground{registry: payloadtest.NewRegistry(t), cache: t.TempDir(), storage: t.TempDir(), temp: t.TempDir()}
	p.policy = filepath.Join(source(t,
		map[string]string{"policy.json": `{"default":[{"type":"insecureAcceptAnything"}]}`}), "policy.json")
	t.Setenv("TMPDIR", p.temp)
	component := func(name string) payloadtest.Component {
		return payloadtest.Component{Name: name, Labels: map[string]string{
			"io.openshift.build.commit.id":       commit,
			"io.openshift.build.source-location": "https://github.com/example/" + name}}
	}
	p.release = p.registry.Seed(t, payloadtest.Release{Name: "4.12.0", Created: commitTime,
		Components: []payloadtest.Component{component("cluster-version-operator"), component("one"), component("two")}})
	p.base = p.registry.Push(t, "bases/base", "latest", baseImage(t, map[string]string{"bin/tool": tool}))
	p.builder = p.registry.Push(t, "bases/builder", "latest",
		baseImage(t, map[string]string{"bin/tool": tool, "bin/go": tool}))
	return p
}

// staticTool returns testdata/tool, compiled.
func staticTool(t *testing.T) string {
	t.Helper()
	tool, err := compiledTool()
	check(t, err)
	return tool
}

var compiledTool = sync.OnceValues(func() (string, error) {
	directory, err := os.MkdirTemp("", "tool-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(directory)
	path := filepath.Join(directory, "tool")
	command := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./testdata/tool")
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building testdata/tool: %w: %s", err, output)
	}
	tool, err := os.ReadFile(path)
	return string(tool), err
})

// baseImage makes an image of executable files.
func baseImage(t *testing.T, files map[string]string) v1.Image {
	t.Helper()
	headers := []tar.Header{{Name: "bin/", Mode: 0o755, Typeflag: tar.TypeDir, ModTime: commitTime},
		{Name: "etc/", Mode: 0o755, Typeflag: tar.TypeDir, ModTime: commitTime}}
	for _, name := range sorted(files) {
		headers = append(headers, tar.Header{Name: name, Mode: 0o755, Typeflag: tar.TypeReg, ModTime: commitTime,
			Size: int64(len(files[name]))})
	}
	data := payloadtest.Tar(t, headers, files)
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(data))), nil },
		tarball.WithMediaType(types.DockerLayer))
	check(t, err)
	made := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.DockerConfigJSON), types.DockerManifestSchema2)
	made, err = mutate.AppendLayers(made, layer)
	check(t, err)
	config, err := made.ConfigFile()
	check(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config.Env = "linux", "amd64", []string{"PATH=/bin"}
	made, err = mutate.ConfigFile(made, config)
	check(t, err)
	return made
}

// source writes files into a new directory.
func source(t *testing.T, files map[string]string) string {
	t.Helper()
	directory := t.TempDir()
	for name, content := range files {
		path := filepath.Join(directory, name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return directory
}

// dockerfile puts the playground's bases into a Dockerfile that names them BUILDER and BASE.
func (p *playground) dockerfile(text string) string {
	return strings.NewReplacer("BUILDER", p.builder, "BASE", p.base).Replace(text)
}

// target is a component built from a directory with the Dockerfile in it.
func target(name, directory string) plan.Target {
	return plan.Target{Name: name, Source: directory, Dockerfile: "Dockerfile"}
}

// options are what most tests run a job with.
func (p *playground) options(t *testing.T) rebuild.Options {
	client := payloadtest.ClientWith(t, p.policy)
	return rebuild.Options{Reading: client, Pushing: client, Sources: directories{}, CacheDir: p.cache,
		Build: builder.Options{StorageRoot: p.storage, Isolation: "chroot"}}
}

// run does the main job on targets.
func (p *playground) run(t *testing.T, ctx context.Context, o rebuild.Options,
	targets ...plan.Target) (*rebuild.Result, error) {
	t.Helper()
	return p.runTo(t, ctx, o, "mine/release", targets...)
}

// runTo is run with a repository for the component images.
func (p *playground) runTo(t *testing.T, ctx context.Context, o rebuild.Options, repository string,
	targets ...plan.Target) (*rebuild.Result, error) {
	t.Helper()
	return runRequest(t, ctx, o, plan.Request{Release: p.release.Tagged, To: p.registry.Host + "/mine/release:new",
		ToRepository: p.registry.Host + "/" + repository, Targets: targets})
}

// runRequest does what a request asks for, in a job of its own.
func runRequest(t *testing.T, ctx context.Context, o rebuild.Options, request plan.Request) (*rebuild.Result, error) {
	t.Helper()
	job, err := rebuild.New(o)
	check(t, err)
	result, err := job.Run(ctx, request)
	check(t, job.Close())
	return result, err
}

// mustRun is run for a job that has to succeed.
func (p *playground) mustRun(t *testing.T, o rebuild.Options, targets ...plan.Target) *rebuild.Result {
	t.Helper()
	result, err := p.run(t, t.Context(), o, targets...)
	check(t, err)
	return result
}

// leftovers lists what a run left behind that it should not have: mounts, containers, images that are no bases,
// temporary files.
func (p *playground) leftovers(t *testing.T) []string {
	t.Helper()
	var found []string
	mounts, err := os.ReadFile("/proc/self/mounts")
	check(t, err)
	for _, line := range strings.Split(string(mounts), "\n") {
		if strings.Contains(line, p.storage) || strings.Contains(line, p.temp) {
			found = append(found, "mount "+line)
		}
	}
	entries, err := os.ReadDir(p.temp)
	check(t, err)
	for _, entry := range entries {
		found = append(found, "temporary "+entry.Name())
	}
	return append(found, p.stored(t)...)
}

// oneTree is a Sources that has one directory for every repository.
type oneTree struct {
	directories
	store *gitsrc.Store
	path  string
}

// View opens the directory.
func (o oneTree) View(ctx context.Context, request gitsrc.Request) (*gitsrc.Revision, gitsrc.Tree, error) {
	revision, err := o.store.ReleaseTree(ctx, o.path)
	return revision, gitsrc.Tree{Kind: gitsrc.Payload, Repository: request.Repository, Commit: commit,
		Ref:  request.Branch,
		Time: commitTime}, err
}

// isLong reports whether `make test-long` runs the tests.
func isLong() bool { return os.Getenv("OC_REBUILD_LONG") != "" }
