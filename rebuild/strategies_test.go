package rebuild_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"go.podman.io/image/v5/pkg/sysregistriesv2"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/bases"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// repositories is a Sources that has a directory for each repository.
type repositories struct {
	store *gitsrc.Store
	paths map[string]string
}

func (r repositories) find(request gitsrc.Request) (gitsrc.Tree, error) {
	address := request.Repository
	if request.Spec.Repository != "" {
		address = request.Spec.Repository
	}
	path, ok := r.paths[address]
	if !ok {
		return gitsrc.Tree{}, fmt.Errorf("no repository at %q", address)
	}
	return gitsrc.Tree{Kind: request.Spec.Kind, Repository: address, Commit: commit,
		Ref: request.Branch, Time: commitTime,
		Directory: path}, nil
}

func (r repositories) Fetch(_ context.Context, request gitsrc.Request, _ string) (gitsrc.Tree, error) {
	return r.find(request)
}

// WriteHead is for local trees.
func (repositories) WriteHead(context.Context, gitsrc.Tree, string) error {
	return errors.ErrUnsupported
}

func (repositories) OnBranch(context.Context, string, string, ...string) (bool, error) {
	return true, nil
}

func (r repositories) View(ctx context.Context, request gitsrc.Request) (*gitsrc.Revision, gitsrc.Tree, error) {
	tree, err := r.find(request)
	if err != nil {
		return nil, gitsrc.Tree{}, err
	}
	revision, err := r.store.ReleaseTree(ctx, tree.Directory)
	tree.Directory = ""
	return revision, tree, err
}

// standFor makes the playground's registry stand for those of CI, which have nothing, and for the public ones.
func (p *playground) standFor(t *testing.T) {
	t.Helper()
	var b strings.Builder
	for _, host := range []string{"registry.ci.openshift.org", "quay-proxy.ci.openshift.org",
		"registry.access.redhat.com",
		"docker.io", "quay.io", p.registry.Host} {
		location := p.registry.Host + "/" + host
		if host == p.registry.Host {
			location = host
		}
		fmt.Fprintf(&b, "[[registry]]\nprefix = %q\nlocation = %q\ninsecure = true\n", host, location)
	}
	path := filepath.Join(t.TempDir(), "registries.conf")
	check(t, os.WriteFile(path, []byte(b.String()), 0o600))
	t.Setenv("CONTAINERS_REGISTRIES_CONF", path)
	sysregistriesv2.InvalidateCache() // an earlier test may have read another one
	t.Cleanup(sysregistriesv2.InvalidateCache)
}

// tree holds two configs: that of component one, and one that makes a base.
func tree() plan.Configs {
	return ciconfig.Open(fstest.MapFS{
		"ci-operator/config/example/one/example-one-main.yaml": &fstest.MapFile{Data: []byte(`images:
- {to: one}
promotion: {to: [{namespace: ocp, name: "4.12"}]}
zz_generated_metadata: {org: example, repo: one, branch: main}
`)},
		"ci-operator/config/example/images/example-images-main.yaml": &fstest.MapFile{Data: []byte(`images:
- {to: made, context_dir: base}
promotion: {to: [{namespace: ocp, name: "9.9"}]}
zz_generated_metadata: {org: example, repo: images, branch: main}
`)},
	}, "the test's configs")
}

// mirroringConfigs are configs of a CI that mirrors one public image.
type mirroringConfigs struct{ plan.Configs }

func (mirroringConfigs) Mirrored(context.Context) (bases.Rules, error) {
	return bases.ParseFile("mirroring",
		[]byte("# what CI mirrors under this name\nocp/9.9:mirrored = quay.io/public/thing:1\n"))
}

// planOne plans, and where that is asked for builds, component one on a base that CI's registries do not have. Its
// image in the payload is no help: the Dockerfile copies from the base only.
func (p *playground) planOne(t *testing.T, base string, run bool) (*plan.Plan, *rebuild.Result) {
	t.Helper()
	store, err := gitsrc.Open(t.TempDir(), gitsrc.Options{})
	check(t, err)
	client := payloadtest.Client(t)
	o := rebuild.Options{Reading: client, Pushing: client, CacheDir: p.cache, Configs: mirroringConfigs{tree()},
		Build: builder.Options{StorageRoot: p.storage, Isolation: "chroot"},
		Sources: repositories{store, map[string]string{
			"https://github.com/example/one": source(t, map[string]string{
				"Dockerfile": p.dockerfile("FROM registry.ci.openshift.org/ocp/9.9:" + base +
					" AS first\nFROM BASE\nCOPY --from=registry.ci.openshift.org/ocp/9.9:" + base +
					" /etc /copied\n")}),
			"https://github.com/example/images": source(t, map[string]string{
				"base/Dockerfile": p.dockerfile("FROM BASE\nCOPY file /etc/file\n"), "base/file": "of the base\n"}),
		}},
	}
	request := p.request(plan.Target{Name: "one"})
	job, err := rebuild.New(o)
	check(t, err)
	planned, err := planOf(t, job, request)
	check(t, err)
	check(t, job.Close())
	if !run {
		return planned, nil
	}
	job, err = rebuild.New(o)
	check(t, err)
	result, err := job.Run(t.Context(), request)
	check(t, err)
	check(t, job.Close())
	return planned, result
}

// attempts names what was tried for a base.
func attempts(b plan.Base) []string {
	var list []string
	for _, a := range b.Attempts {
		list = append(list, strings.TrimSpace(a.From+" "+a.PullSpec))
	}
	return list
}

// What CI's registries do not have is built first, from the config that promotes it; where none does, a public
// stand-in is taken.
func TestBaseThatCIDoesNotHave(t *testing.T) {
	p := newPlayground(t)
	p.standFor(t)
	t.Run("from source", func(t *testing.T) { p.baseFromSource(t) })
	t.Run("public", func(t *testing.T) { p.publicStandIn(t) })
	t.Run("mirrored", func(t *testing.T) {
		p.registry.Push(t, "quay.io/public/thing", "1", baseImage(t, map[string]string{"etc/thing": "1"}))
		planned, _ := p.planOne(t, "mirrored", false)
		if b := planned.Components[0].Bases[0]; b.From != "public" ||
			!strings.HasPrefix(b.PullSpec, "quay.io/public/thing@") ||
			b.Reason != "what CI mirrors under this name" {
			t.Errorf("the base is %+v", b)
		}
	})
}

func (p *playground) baseFromSource(t *testing.T) {
	t.Helper()
	planned, result := p.planOne(t, "made", true)
	b := planned.Components[0].Bases[0]
	if b.From != "build" || b.Built != "ocp/9.9:made" || !strings.Contains(b.Reason, "example/images at main") {
		t.Errorf("the base is %+v", b)
	}
	want := []string{"config registry.ci.openshift.org/ocp/9.9:made",
		"config quay-proxy.ci.openshift.org/openshift/ci:ocp_9.9_made"}
	if diff := cmp.Diff(want, attempts(b)); diff != "" {
		t.Errorf("tried before (-want +got):\n%s", diff)
	}
	if len(planned.Images) != 1 || planned.Images[0].Kind != "base" || planned.Images[0].Recipe.ContextDir != "base" {
		t.Errorf("built first: %+v", planned.Images)
	}
	if got := files(t, p.registry.Pull(t, result.Components[0].Image), 1)["copied/file"]; got != "of the base\n" {
		t.Errorf("the file of the base is %q", got)
	}
}

// publicStandIn: last comes a public image, with what the table says about it.
func (p *playground) publicStandIn(t *testing.T) {
	t.Helper()
	p.registry.Push(t, "registry.access.redhat.com/ubi9/ubi", "latest", baseImage(t, map[string]string{"etc/ubi": "9"}))
	planned, _ := p.planOne(t, "base-rhel9", false)
	b := planned.Components[0].Bases[0]
	if b.From != "public" || !strings.HasPrefix(b.PullSpec, "registry.access.redhat.com/ubi9/ubi@sha256:") ||
		!strings.Contains(b.Reason, "universal base image") {
		t.Errorf("the base is %+v", b)
	}
	if got := attempts(b); len(got) != 3 || got[2] != "source" {
		t.Errorf("tried before: %q", got)
	}
}

// A file of rules is as good as flags, which win over it; * stands for a part of a name, and payload:NAME for the
// payload's image.
func TestBaseImageMap(t *testing.T) {
	p := newPlayground(t)
	other := p.registry.Push(t, "bases/other", "latest", baseImage(t, map[string]string{"etc/other": "yes"}))
	file := filepath.Join(t.TempDir(), "map")
	check(t, os.WriteFile(file,
		[]byte("# what we use\nocp/*:tools = payload:two # comment\nocp/builder:rhel-*-golang-* = "+p.registry.Host+"/bases/$1-$2:latest\nocp/4.12:base="+p.base+"\n"), 0o600))
	p.registry.Push(t, "bases/9-1.22", "latest", baseImage(t, map[string]string{"etc/go": "1.22"}))
	one := source(t,
		map[string]string{"Dockerfile": "FROM registry.ci.openshift.org/ocp/builder:rhel-9-golang-1.22\nFROM registry.ci.openshift.org/ocp/4.12:tools\nFROM registry.ci.openshift.org/ocp/4.12:base\nCOPY Dockerfile /\n"})
	request := p.request(target("one", one))
	request.BaseImageMap, request.BaseImages = file, []string{"ocp/4.12:base=" + other}
	job, err := rebuild.New(p.options(t))
	check(t, err)
	planned, err := planOf(t, job, request)
	check(t, err)
	check(t, job.Close())
	var got []string
	for _, b := range planned.Components[0].Bases {
		repository, _, _ := strings.Cut(strings.TrimPrefix(b.PullSpec, p.registry.Host+"/"), "@")
		got = append(got, b.From+" "+repository+" "+b.Component+", "+strings.ReplaceAll(b.Reason, file, "FILE"))
	}
	want := []string{
		"map bases/9-1.22 , FILE:3 ocp/builder:rhel-*-golang-*",
		"map test/component two, FILE:2 ocp/*:tools",
		"map bases/other , --base-image ocp/4.12:base",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bases (-want +got):\n%s", diff)
	}
}
