package rebuild_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// request is a request for targets that goes where the playground's runs go.
func (p *playground) request(targets ...plan.Target) plan.Request {
	return plan.Request{
		Release:      p.release.Tagged,
		To:           p.registry.Host + "/mine/release:new",
		ToRepository: p.registry.Host + "/mine/release",
		Targets:      targets,
	}
}

// do plans and runs a request.
func (p *playground) do(t *testing.T, request plan.Request) (*plan.Plan, *rebuild.Result) {
	t.Helper()
	job, err := rebuild.New(p.options(t))
	check(t, err)
	planned, err := planOf(t, job, request)
	check(t, errors.Join(err, job.Close()))
	job, err = rebuild.New(p.options(t))
	check(t, err)
	result, err := job.Run(t.Context(), request)
	check(t, errors.Join(err, job.Close()))
	return planned, result
}

// rebase makes a new payload out of images that were built.
func (p *playground) rebase(t *testing.T, images map[string]string) {
	t.Helper()
	components := []payloadtest.Component{{Name: "cluster-version-operator"}}
	for _, name := range sorted(images) {
		components = append(components, payloadtest.Component{Name: name, Pushed: images[name],
			Labels: map[string]string{
				"io.openshift.build.commit.id":       commit,
				"io.openshift.build.source-location": "https://github.com/example/" + name}})
	}
	p.release = p.registry.Seed(t, payloadtest.Release{Name: "4.12.1", Created: commitTime, Components: components})
}

// files returns the contents of the regular files of an image's last layers.
func files(t *testing.T, image v1.Image, layers int) map[string]string {
	t.Helper()
	all, err := image.Layers()
	check(t, err)
	found := map[string]string{}
	for _, layer := range all[len(all)-layers:] {
		stream, err := layer.Uncompressed()
		check(t, err)
		for archive := tar.NewReader(stream); ; {
			header, err := archive.Next()
			if err == io.EOF {
				break
			}
			check(t, err)
			if header.Typeflag == tar.TypeReg && header.Size < 1000 {
				data, err := io.ReadAll(archive)
				check(t, err)
				found[strings.TrimPrefix(header.Name, "/")] = string(data)
			}
		}
		check(t, stream.Close())
	}
	return found
}

// settled is what a test wants to know of a base.
func settled(b plan.Base) [2]string { return [2]string{b.From, b.Built} }

// A Dockerfile names images in registries, not places on the machine that builds it; the user may name one of those in
// its place.
func TestBasesOnThisMachine(t *testing.T) {
	p := newPlayground(t)
	for _, text := range []string{
		"FROM docker-archive:/etc/shadow\n", "FROM dir:/tmp\n", "FROM oci-archive:/x\n", "FROM tarball:/dev/zero\n",
		"FROM docker-daemon:x:latest\n",
		"FROM containers-storage:x\n", "FROM oci:/tmp:x\n", "FROM oci:x\n",
		"ARG A=dir:/tmp\nFROM $A\n", "FROM /tmp/x\n",
		"FROM BASE\nCOPY --from=dir:/tmp / /\n",
		"FROM BASE\nRUN --mount=type=bind,from=oci:/tmp,target=/x [\"/bin/tool\"]\n",
		"ARG TAG\nFROM q.io/x:${TAG}\n",
	} {
		directory := source(t, map[string]string{"Dockerfile": p.dockerfile(text)})
		job, err := rebuild.New(p.options(t))
		check(t, err)
		request := p.request(target("one", directory))
		if planned, err := planOf(t, job, request); fault.KindOf(err) != fault.Unresolved ||
			!strings.Contains(err.Error(), "registries only") && !strings.Contains(err.Error(), "argument missing") {
			t.Errorf("%q: %+v, %v", text, planned, err)
		}
		if strings.HasPrefix(text, "ARG TAG") {
			request.BaseImages = []string{"q.io/x:${TAG}=" + p.base}
			if _, err := planOf(t, job, request); err != nil {
				t.Errorf("%q with --base-image: %v", text, err)
			}
		}
		check(t, job.Close())
	}
}

const peelDockerfile = `FROM BASE
ENV COLOUR=red PATH=$PATH:/more
LABEL colour=red
COPY file /file
RUN ["/bin/tool", "write", "/etc/made", "by the build"]
USER 5
ENTRYPOINT ["/bin/tool"]
`

// A component whose base cannot be pulled is built on what its image in the payload was built on: the same layers and
// the same settings as with the true base.
func TestPeel(t *testing.T) {
	p := newPlayground(t)
	text := map[string]string{"Dockerfile": p.dockerfile(peelDockerfile), "file": "one\n"}
	one, two := source(t, text),
		source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY Dockerfile /two\n")})
	first := p.mustRun(t, p.options(t), target("one", one), target("two", two))
	p.rebase(t, map[string]string{"one": first.Components[0].Image, "two": first.Components[1].Image})
	gone := strings.ReplaceAll(text["Dockerfile"], p.base, p.registry.Host+"/bases/gone:latest")
	check(t, os.WriteFile(filepath.Join(one, "Dockerfile"), []byte(gone), 0o644))
	p.storage, p.cache = t.TempDir(), t.TempDir()

	planned, second := p.do(t, p.request(target("one", one)))
	b := planned.Components[0].Bases[0]
	if b.From != "peel" || !strings.Contains(b.Reason, "two stands on the same layers") || len(b.Attempts) != 1 ||
		b.Attempts[0].From != "config" {
		t.Errorf("the base is %+v", b)
	}
	true1, err := p.registry.Pull(t, first.Components[0].Image).ConfigFile()
	check(t, err)
	peeled, err := p.registry.Pull(t, second.Components[0].Image).ConfigFile()
	check(t, err)
	if diff := cmp.Diff(true1.RootFS, peeled.RootFS); diff != "" {
		t.Errorf("layers on the true base (-) and on the peeled one (+):\n%s", diff)
	}
	if diff := cmp.Diff(true1.Config, peeled.Config); diff != "" {
		t.Errorf("settings on the true base (-) and on the peeled one (+):\n%s", diff)
	}
}

// Without another image on the same layers, and without CI's label, nothing says where the base ends: the component is
// built on its own image. It has all files of the true build, and those that the old image had.
func TestOverlay(t *testing.T) {
	p := newPlayground(t)
	one := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY old /old\nCOPY file /file\n"),
			"old": "old\n", "file": "one\n"})
	first := p.mustRun(t, p.options(t), target("one", one))
	p.rebase(t, map[string]string{"one": first.Components[0].Image})
	fresh := p.dockerfile("FROM BASE\nCOPY file /file\n")
	check(t, os.WriteFile(filepath.Join(one, "file"), []byte("two\n"), 0o644))
	check(t, os.WriteFile(filepath.Join(one, "Dockerfile"), []byte(fresh), 0o644))
	onTrueBase := p.mustRun(t, p.options(t), target("one", one))
	check(t,
		os.WriteFile(filepath.Join(one, "Dockerfile"),
			[]byte(strings.ReplaceAll(fresh, p.base, p.registry.Host+"/bases/gone:latest")), 0o644))

	planned, second := p.do(t, p.request(target("one", one)))
	if b := planned.Components[0].Bases[0]; b.From != "overlay" || len(b.Attempts) != 2 ||
		b.Attempts[1].From != "peel" {
		t.Errorf("the base is %+v", b)
	}
	if !slices.ContainsFunc(planned.Warnings,
		func(w string) bool { return strings.Contains(w, "on top of its own image") }) {
		t.Errorf("no warning in %q", planned.Warnings)
	}
	overlaid := files(t, p.registry.Pull(t, second.Components[0].Image), 2)
	for name, content := range files(t, p.registry.Pull(t, onTrueBase.Components[0].Image), 1) {
		if overlaid[name] != content {
			t.Errorf("%s is %q, on the true base %q", name, overlaid[name], content)
		}
		delete(overlaid, name)
	}
	if diff := cmp.Diff(map[string]string{"old": "old\n"}, overlaid); diff != "" {
		t.Errorf("what else it has (-want +got):\n%s", diff)
	}
}

// With --base-policy=ci nothing but what CI uses will do.
func TestPolicyCI(t *testing.T) {
	p := newPlayground(t)
	one := source(t, map[string]string{"Dockerfile": "FROM " + p.registry.Host +
		"/bases/gone:latest\nCOPY Dockerfile /\n"})
	request := p.request(target("one", one))
	request.BasePolicy = plan.PolicyCI
	job, err := rebuild.New(p.options(t))
	check(t, err)
	_, err = planOf(t, job, request)
	check(t, job.Close())
	if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), "line 1 of Dockerfile") ||
		!strings.Contains(fault.AdviceOf(err), "--base-image") {
		t.Errorf("the error is %v with advice %q", err, fault.AdviceOf(err))
	}
}

const pipelineConfig = `base_images:
  base: {namespace: ocp, name: "4.12", tag: base}
build_root:
  image_stream_tag: {namespace: ocp, name: builder, tag: root}
binary_build_commands: write /go/src/github.com/example/one/made/binary compiled
raw_steps:
- pipeline_image_cache_step: {from: base, to: prepared, commands: write /etc/prepared yes}
images:
- to: sibling
  from: prepared
  dockerfile_literal: |
    FROM whatever
    COPY links /links
    RUN ["/bin/tool", "write", "/sibling/file", "of the sibling"]
    RUN ["/bin/tool", "write", "/etc/inside", "of the image"]
- to: one
  from: sibling
  dockerfile_path: Dockerfile
  inputs:
    bin:
      paths:
      - {source_path: /go/src/github.com/example/one/made/., destination_dir: compiled}
    sibling:
      paths:
      - {source_path: /sibling, destination_dir: .}
      - {source_path: /etc/prepared, destination_dir: file}
      - {source_path: /links/out/inside, destination_dir: linked}
promotion:
  to:
  - {namespace: ocp, name: "4.12"}
zz_generated_metadata: {org: example, repo: one, branch: main}
`

// pipeline writes a source whose image is built from several others, and asks for it.
func (p *playground) pipeline(t *testing.T) (one string, request plan.Request) {
	t.Helper()
	tool := staticTool(t)
	shell := p.registry.Push(t, "bases/shell", "latest",
		baseImage(t, map[string]string{"bin/tool": tool, "bin/sh": tool, "bin/bash": tool}))
	one = source(t, map[string]string{"config.yaml": pipelineConfig, "source": "s\n", "sub/file": "of the source\n",
		".dockerignore": "made\n*.only\n", "made/kept.only": "in src",
		"Dockerfile": "FROM scratch\nCOPY compiled /compiled\nCOPY sibling /copied\nCOPY file/prepared /prepared\nCOPY linked /linked\nCOPY sub /sub\n"})
	// A link of the image leads to the image's own directory, never to this machine's.
	check(t, os.Mkdir(filepath.Join(one, "links"), 0o755))
	check(t, os.Symlink("/etc", filepath.Join(one, "links", "out")))
	request = p.request(plan.Target{Name: "one", Source: one, Config: filepath.Join(one, "config.yaml")})
	request.BaseImages = []string{"ocp/builder:root=" + shell, "ocp/4.12:base=" + shell}
	return one, request
}

// Everything that an image of a config is built from is built first, from the same source, and only used: a sibling, a
// cache step, and src and bin on the build root. Files of these are copied into the build context before the source's
// own.
func TestPipelineImages(t *testing.T) {
	p := newPlayground(t)
	one, request := p.pipeline(t)
	planned, result := p.do(t, request)

	want := [][]string{{"example/one:prepared", "example/one:src"}, {"example/one:bin", "example/one:sibling"}, {"one"}}
	for _, group := range planned.Order {
		slices.Sort(group)
	}
	if diff := cmp.Diff(want, planned.Order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([2]string{"build", "example/one:sibling"},
		settled(planned.Components[0].Bases[0])); diff != "" {
		t.Errorf("base of one (-want +got):\n%s", diff)
	}
	built := files(t, p.registry.Pull(t, result.Components[0].Image), 3)
	wantFiles := map[string]string{
		"etc/prepared": "yes", "prepared": "yes", "sibling/file": "of the sibling", "copied/file": "of the sibling",
		"compiled/binary": "compiled", "compiled/kept.only": "in src", "etc/inside": "of the image", "linked/inside": "of the image",
		"sub/file": "of the source\n",
	}
	if diff := cmp.Diff(wantFiles, built); diff != "" {
		t.Errorf("files of the image (-want +got):\n%s", diff)
	}
	if tags := p.pushed(t); len(tags) > 0 {
		t.Errorf("images that are only used were pushed: %v", tags)
	}

	// Nothing is built a second time; and what was only kept in local storage is made again where that is gone.
	p.registry.Reset()
	if _, again := p.do(t, request); again.Release.Digest != result.Release.Digest {
		t.Errorf("the second run made %s, the first %s", again.Release.Digest, result.Release.Digest)
	}
	p.storage = t.TempDir()
	check(t, os.WriteFile(filepath.Join(one, "sub/file"), []byte("changed\n"), 0o644))
	_, changed := p.do(t, request)
	if got := files(t, p.registry.Pull(t, changed.Components[0].Image), 1)["sub/file"]; got != "changed\n" {
		t.Errorf("after a change the file is %q", got)
	}
}

// pushed lists the uploads of manifests to other places than the playground's.
func (p *playground) pushed(t *testing.T) []string {
	t.Helper()
	requests, _ := p.registry.Reset()
	var list []string
	for _, request := range requests {
		if strings.HasPrefix(request, "PUT ") && strings.Contains(request, "/manifests/") &&
			!strings.Contains(request, "/mine/release/") &&
			!strings.Contains(request, "/bases/") &&
			!strings.Contains(request, "/test/") {
			list = append(list, request)
		}
	}
	return list
}

const cyclicConfig = `images:
- {to: one, from: other, dockerfile_path: Dockerfile}
- {to: other, from: one, dockerfile_path: Dockerfile}
zz_generated_metadata: {org: example, repo: one, branch: main}
`

// Images that are built from each other are an error that says so, not a hang.
func TestCycle(t *testing.T) {
	p := newPlayground(t)
	one := source(t, map[string]string{"config.yaml": cyclicConfig, "Dockerfile": "FROM scratch\n"})
	job, err := rebuild.New(p.options(t))
	check(t, err)
	request := p.request(plan.Target{Name: "one", Source: one, Config: filepath.Join(one, "config.yaml")})
	request.BasePolicy = plan.PolicyCI
	_, err = planOf(t, job, request)
	check(t, job.Close())
	if fault.KindOf(err) != fault.Unresolved ||
		!strings.Contains(err.Error(), "example/one:one → example/one:other → example/one:one") {
		t.Errorf("the error is %v", err)
	}
}

// TestBuiltOnItself plans a component that CI builds on what it promoted last, and one that it does not.
func TestBuiltOnItself(t *testing.T) {
	p := newPlayground(t)
	for tag, warns := range map[string]bool{"one": true, "base": false} {
		directory := source(t, map[string]string{"Dockerfile": "FROM whatever\nCOPY Dockerfile /\n",
			"config.yaml": "base_images:\n  below: {namespace: ocp, name: \"4.12\", tag: " +
				tag + "}\nimages:\n- {to: one, from: below}\npromotion: {to: [{namespace: ocp, name: \"4.12\"}]}\nzz_generated_metadata: {org: example, repo: one, branch: main}\n"})
		job, err := rebuild.New(p.options(t))
		check(t, err)
		request := p.request(plan.Target{Name: "one", Source: directory,
			Config: filepath.Join(directory, "config.yaml")})
		request.BaseImages = []string{"ocp/4.12:" + tag + "=" + p.base}
		planned, err := planOf(t, job, request)
		check(t, err)
		check(t, job.Close())
		said := slices.ContainsFunc(planned.Warnings,
			func(w string) bool { return strings.Contains(w, "its own image of before, ocp/4.12:one") })
		if said != warns {
			t.Errorf("on ocp/4.12:%s the warnings are %q", tag, planned.Warnings)
		}
	}
}

// TestNamesOfHelpers plans two components that are built from an image of the same name, each of a source of its own:
// which of them gets a number is not decided by who is faster.
func TestNamesOfHelpers(t *testing.T) {
	p := newPlayground(t)
	config := "images:\n- {to: sibling, dockerfile_literal: \"FROM scratch\"}\n- {to: %s, from: sibling, dockerfile_path: Dockerfile}\n" +
		"zz_generated_metadata: {org: example, repo: one, branch: main}\n"
	var targets []plan.Target
	for _, name := range []string{"two", "one"} {
		directory := source(t, map[string]string{"config.yaml": fmt.Sprintf(config, name),
			"Dockerfile": "FROM scratch\n"})
		targets = append(targets, plan.Target{Name: name, Source: directory,
			Config: filepath.Join(directory, "config.yaml")})
	}
	first := ""
	for range 30 {
		job, err := rebuild.New(p.options(t))
		check(t, err)
		planned, err := planOf(t, job, p.request(targets...))
		check(t, err)
		check(t, job.Close())
		names := ""
		for _, c := range planned.Components {
			for _, b := range c.Bases {
				names += c.Name + " on " + b.Built + "; "
			}
		}
		if first == "" {
			first = names
		}
		if names != first || !strings.Contains(names, "example/one:sibling#2") {
			t.Fatalf("%s, before: %s", names, first)
		}
	}
}

// TestRegistryThatIsDown names two images of a registry that nobody listens at: what is said of the one does not tell
// of the other.
func TestRegistryThatIsDown(t *testing.T) {
	p := newPlayground(t)
	directory := source(t,
		map[string]string{"Dockerfile": "FROM 127.0.0.1:1/first/image:tag AS a\nFROM 127.0.0.1:1/second/image:tag\nCOPY --from=a / /\n"})
	job, err := rebuild.New(p.options(t))
	check(t, err)
	request := p.request(target("one", directory))
	request.BasePolicy = plan.PolicyCI
	_, err = planOf(t, job, request)
	check(t, job.Close())
	refusals := 0
	for line := range strings.Lines(fmt.Sprint(err)) {
		if strings.Contains(line, "first/image") && strings.Contains(line, "second/image") {
			t.Errorf("an image is the reason for another: %s", line)
		}
		refusals += strings.Count(line, "127.0.0.1:1 did not answer before: connection refused")
	}
	if fault.KindOf(err) != fault.Unresolved || refusals != 1 {
		t.Errorf("the error is %v", err)
	}
}

// TestRulesNameWhatCIUses gives rules for an image that the config puts in the place of another one: by CI's name they
// are for what CI uses, and for the text of the Dockerfile only if that is repeated.
func TestRulesNameWhatCIUses(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"Dockerfile": "FROM registry.ci.openshift.org/ocp/4.12:old\nCOPY Dockerfile /\n", "config.yaml": `
base_images:
  new: {namespace: ocp, name: "4.12", tag: new}
images:
- to: one
  inputs: {new: {as: [registry.ci.openshift.org/ocp/4.12:old]}}
promotion: {to: [{namespace: ocp, name: "4.12"}]}
zz_generated_metadata: {org: example, repo: one, branch: main}
`})
	for pattern, fits := range map[string]bool{
		"ocp/4.12:new": true, "registry.ci.openshift.org/ocp/4.12:new": true, "new": true,
		"registry.ci.openshift.org/ocp/4.12:old": true, "ocp/4.12:*": true,
		"ocp/4.12:old": false, "ocp/4.12:base": false,
	} {
		job, err := rebuild.New(p.options(t))
		check(t, err)
		one := plan.Target{Name: "one", Source: directory, Config: filepath.Join(directory, "config.yaml")}
		request := p.request(one)
		request.BaseImages = []string{pattern + "=" + p.base}
		planned, err := planOf(t, job, request)
		check(t, job.Close())
		switch {
		case !fits && (fault.KindOf(err) != fault.Usage || !strings.Contains(fault.AdviceOf(err), "ocp/4.12:new")):
			t.Errorf("%s: %v, %q", pattern, err, fault.AdviceOf(err))
		case fits && (err != nil || planned.Components[0].Bases[0].From != "map"):
			t.Errorf("%s: %v, %+v", pattern, err, planned)
		}
	}
}
