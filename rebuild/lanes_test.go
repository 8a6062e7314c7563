package rebuild_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// multi makes manifest lists for amd64 and a second architecture of the playground's base and payload.
func (p *playground) multi(t *testing.T, arch string) {
	t.Helper()
	list := func(repository, tag, pullSpec string) string {
		image := p.registry.Pull(t, pullSpec)
		return p.registry.PushIndex(t, repository, tag,
			map[string]v1.Image{"linux/amd64": image, "linux/" + arch: payloadtest.ForArch(t, image, arch)})
	}
	p.base = list("bases/base", "multi", p.base)
	p.release.PullSpec = list("test/release", "multi", p.release.PullSpec)
	p.release.Tagged = p.registry.Host + "/test/release:multi"
}

// few makes a base for amd64 and s390x.
func (p *playground) few(t *testing.T) string {
	t.Helper()
	image := p.registry.Pull(t, p.base)
	p.registry.PushIndex(t, "bases/few", "latest",
		map[string]v1.Image{"linux/amd64": image, "linux/s390x": payloadtest.ForArch(t, image, "s390x")})
	return p.registry.Host + "/bases/few:latest"
}

// lanes opens a job for each platform.
func (p *playground) lanes(t *testing.T, change func(*rebuild.Options), platforms ...string) rebuild.Lanes {
	t.Helper()
	var lanes rebuild.Lanes
	for _, platform := range platforms {
		o := p.options(t)
		o.Reading = payloadtest.ClientFor(t, platform)
		o.Pushing, o.Lane = o.Reading, len(platforms) > 1
		if change != nil {
			change(&o)
		}
		job, err := rebuild.New(o)
		check(t, err)
		t.Cleanup(func() { check(t, job.Close()) })
		lanes = append(lanes, job)
	}
	return lanes
}

// platformsOf lists what the images of a list are for.
func platformsOf(t *testing.T, pullSpec string) []string {
	t.Helper()
	image, err := payloadtest.Client(t).Image(t.Context(), pullSpec)
	check(t, err)
	var platforms []string
	for _, instance := range image.List {
		child, err := image.Instance(t.Context(), instance)
		check(t, err)
		if child.Config.Architecture != instance.Platform.Architecture {
			t.Errorf("the list %s has an image for %s as one for %s", pullSpec, child.Config.Architecture,
				instance.Platform)
		}
		platforms = append(platforms, instance.Platform.String())
	}
	return platforms
}

// TestLanes builds two components, one on the other, for two platforms: the payload is a list, and names a list of
// each. In parts, as engines for pipelines do it, it is the same.
func TestLanes(t *testing.T) {
	p := newPlayground(t)
	p.multi(t, "arm64")
	one := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY f /f\n"), "f": "one"})
	two := source(t, map[string]string{"Dockerfile": "FROM quay.io/example/one:latest\nCOPY f /g\n", "f": "two"})
	request := p.request(target("one", one), target("two", two))
	request.BaseImages = []string{"quay.io/example/one:latest=payload:one"}
	platforms := []string{"linux/amd64", "linux/arm64"}
	lanes := p.lanes(t, nil, platforms...)
	result, err := lanes.Run(t.Context(), request)
	check(t, err)

	if got := platformsOf(t, result.Release.Image); !slices.Equal(got, platforms) {
		t.Errorf("the payload is for %q", got)
	}
	if len(result.Components) != 4 || result.Components[0].Platform != "linux/amd64" ||
		result.Components[3].Platform != "linux/arm64" {
		t.Errorf("components %+v", result.Components)
	}
	for _, platform := range platforms {
		release, err := payload.Open(t.Context(), payloadtest.ClientFor(t, platform), result.Release.Image)
		check(t, err)
		for _, name := range []string{"one", "two"} {
			component, err := release.Component(name)
			check(t, err)
			if got := platformsOf(t, component.Image); !slices.Equal(got, platforms) {
				t.Errorf("component %s is for %q", name, got)
			}
		}
	}

	// one platform alone, on a machine that never saw the other
	alone := *p
	alone.cache, alone.storage = t.TempDir(), t.TempDir()
	for i, platform := range platforms {
		job := alone.lanes(t, func(o *rebuild.Options) { o.NoCache = true }, platform)[0]
		built, err := job.Build(t.Context(), request)
		if err != nil || built.Components[0].Digest != result.Components[2*i].Digest ||
			built.Components[1].Digest != result.Components[2*i+1].Digest {
			t.Errorf("alone, for %s: %+v, %v", platform, built, err)
		}
		alone.cache, alone.storage = t.TempDir(), t.TempDir()
	}

	var plans []*plan.Plan
	images := map[string][]string{}
	for _, job := range p.lanes(t, nil, platforms...) {
		planned, err := job.Plan(t.Context(), request)
		check(t, err)
		plans = append(plans, planned)
		first, err := job.Part(t.Context(), planned, "one", request.Repository(), nil)
		check(t, err)
		second, err := job.Part(t.Context(), planned, "two", request.Repository(),
			map[string]string{"one": first.Components[0].Image})
		check(t, err)
		images["one"] = append(images["one"], first.Components[0].Image)
		images["two"] = append(images["two"], second.Components[0].Image)
	}
	assemble := func(images map[string][]string, platforms ...string) (*rebuild.Result, error) {
		return p.lanes(t, nil, platforms...).Assemble(t.Context(), plans[0], request, images)
	}
	again, err := assemble(images, platforms...)
	if err != nil || again.Release.Digest != result.Release.Digest {
		t.Errorf("in parts the payload is %+v, %v, and not %s", again, err, result.Release.Digest)
	}
	slices.Reverse(images["one"])
	if again, err = assemble(images, platforms...); err != nil || again.Release.Digest != result.Release.Digest {
		t.Errorf("with images in another order the payload is %+v, %v", again, err)
	}
	slices.Reverse(images["one"])
	for _, test := range []struct {
		two       []string
		platforms []string
		says      string
	}{
		{[]string{images["two"][0]}, platforms, "0 images are for linux/arm64"},
		{[]string{images["two"][0], images["one"][0]}, platforms, "2 images are for linux/amd64"},
		{[]string{images["two"][0], images["two"][0], images["two"][1]}, platforms, "2 images are for linux/amd64"},
		{images["two"], platforms[:1], "is given twice"},
	} {
		_, err := assemble(map[string][]string{"one": images["one"], "two": test.two}, test.platforms...)
		if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), test.says) {
			t.Errorf("error %v, want %s", err, test.says)
		}
	}
	repository, _, _ := strings.Cut(images["one"][0], "@")
	request.ToRepository = p.registry.Host + "/another/place"
	if _, err := assemble(images, platforms...); fault.AdviceOf(err) != "Pass --to-repository "+repository+"." {
		t.Errorf("images beside the repository: %v (%s)", err, fault.AdviceOf(err))
	}
}

// TestLanesKeepGoing has a component that cannot be built, and one whose base only one of two platforms has.
func TestLanesKeepGoing(t *testing.T) {
	p := newPlayground(t)
	few := p.few(t)
	p.multi(t, "arm64")
	one := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY f /f\n"), "f": "one"})
	two := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY nosuch /f\n")})
	heard := &recorder{}
	lanes := p.lanes(t, func(o *rebuild.Options) { o.KeepGoing, o.Progress = true, heard }, "linux/amd64", "linux/arm64")
	result, err := lanes.Run(t.Context(), p.request(target("one", one), target("two", two)))
	if fault.KindOf(err) != fault.Build || !strings.Contains(err.Error(), "for linux/arm64: ") || result == nil ||
		!slices.Equal(result.Left, []string{"two"}) || len(result.Components) != 2 {
		t.Errorf("result %+v, error %v", result, err)
	}
	if tries := slices.DeleteFunc(heard.events, func(event progress.Event) bool {
		return event.Component != "two" || event.Stage != progress.Build || event.State != progress.Started
	}); len(tries) != 1 {
		t.Errorf("what one platform lost was built for the other: %+v", tries)
	}
	two = source(t, map[string]string{"Dockerfile": "FROM " + few + "\nCOPY f /f\n", "f": "x"})
	_, err = p.lanes(t, nil, "linux/amd64", "linux/arm64").Run(t.Context(), p.request(target("two", two)))
	if err == nil || !strings.HasPrefix(err.Error(), "for linux/arm64: ") ||
		!strings.Contains(err.Error(), "its manifest list has no image for linux/arm64") {
		t.Errorf("error %v", err)
	}
}

// TestAllLanes rebuilds all components that the payload has the source of. What one lane cannot plan is left in both.
func TestAllLanes(t *testing.T) {
	p := newPlayground(t)
	few := p.few(t)
	p.multi(t, "arm64")
	store, err := gitsrc.Open(t.TempDir(), gitsrc.Options{})
	check(t, err)
	root := source(t, map[string]string{"f": "x"})
	configs := fstest.MapFS{}
	for name, base := range map[string]string{"one": p.base, "two": few} {
		configs["ci-operator/config/example/"+name+"/example-"+name+"-main.yaml"] = &fstest.MapFile{Data: []byte(
			"images:\n- to: " + name + "\n  dockerfile_literal: |\n    FROM " + base + "\n    COPY f /f\n" +
				"promotion: {to: [{namespace: ocp, name: \"4.12\"}]}\n" +
				"zz_generated_metadata: {org: example, repo: " + name + ", branch: main}\n")}
	}
	lanes := p.lanes(t, func(o *rebuild.Options) {
		o.KeepGoing, o.Configs = true, ciconfig.Open(configs, "the test's configs")
		o.Sources = repositories{store, map[string]string{"https://github.com/example/one": root, "https://github.com/example/two": root}}
	}, "linux/amd64", "linux/arm64")
	request := p.request()
	result, err := lanes.RunAll(t.Context(), request, rebuild.Selection{Exclude: []string{"cluster-version-operator"}})
	if err == nil || result == nil || !slices.Equal(result.Left, []string{"two"}) || len(result.Components) != 2 {
		t.Errorf("result %+v, error %v", result, err)
	}
}

// TestLanesRefused starts from payloads that are no lists, or have no image for a platform.
func TestLanesRefused(t *testing.T) {
	p := newPlayground(t)
	refused := func(says string, request plan.Request, platforms ...string) {
		t.Helper()
		_, err := p.lanes(t, nil, platforms...).Run(t.Context(), request)
		if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), says) {
			t.Errorf("error %v, want %s", err, says)
		}
	}
	from := func() string {
		return source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY f /f\n"), "f": "one"})
	}
	refused("is for linux/amd64 alone", p.request(target("one", from())), "linux/amd64", "linux/arm64")
	single := p.base
	p.multi(t, "arm64")
	request := p.request(target("one", from()))
	refused("no image for linux/s390x", request, "linux/amd64", "linux/s390x")
	request.Targets = []plan.Target{{Name: "one", Image: single}}
	refused("is for linux/amd64", request, "linux/amd64", "linux/arm64")
	request.Targets = []plan.Target{{Name: "one", Image: p.base}}
	result, err := p.lanes(t, nil, "linux/amd64", "linux/arm64").Run(t.Context(), request)
	if err != nil || len(platformsOf(t, result.Release.Image)) != 2 {
		t.Errorf("with an image that is a list: %+v, %v", result, err)
	}

	request.Targets = []plan.Target{{Name: "one", Image: single}, target("two", from())}
	planned, err := p.lanes(t, nil, "linux/amd64")[0].Plan(t.Context(), request)
	check(t, err)
	_, err = p.lanes(t, nil, "linux/amd64", "linux/arm64").Assemble(t.Context(), planned, request,
		map[string][]string{"two": {p.base, p.base}})
	if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), "one image, for linux/amd64, and no manifest list") {
		t.Errorf("a plan for one platform: %v", err)
	}
}

// moving is a branch that moves whenever somebody looks at it.
type moving struct {
	directories
	looks *int
}

func (m moving) Fetch(ctx context.Context, request gitsrc.Request, directory string) (gitsrc.Tree, error) {
	tree, err := m.directories.Fetch(ctx, request, directory)
	*m.looks++
	tree.Commit = fmt.Sprintf("%040x", *m.looks)
	return tree, err
}

// TestLanesDiffer refuses to put images of different commits together.
func TestLanesDiffer(t *testing.T) {
	p := newPlayground(t)
	p.multi(t, "arm64")
	looks := 0
	lanes := p.lanes(t, func(o *rebuild.Options) { o.Sources = moving{looks: &looks} }, "linux/amd64", "linux/arm64")
	from := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY f /f\n"), "f": "one"})
	_, err := lanes.Run(t.Context(), p.request(target("one", from)))
	if fault.KindOf(err) != fault.Unresolved || fault.AdviceOf(err) != "Run it again." {
		t.Errorf("error %v, advice %q", err, fault.AdviceOf(err))
	}
}

// TestImageForAnotherPlatform gives images to a payload that does not run where they do: by --image, as a part, and as
// what somebody else built. A list of payloads of which one platform is left out is warned of.
func TestImageForAnotherPlatform(t *testing.T) {
	p := newPlayground(t)
	p.multi(t, "arm64")
	foreign := p.registry.Push(t, "bases/foreign", "latest", payloadtest.ForArch(t, p.registry.Pull(t, p.base), "arm64"))
	request := p.request()
	request.Targets = []plan.Target{{Name: "one", Image: foreign}}
	_, err := p.lanes(t, nil, "linux/amd64")[0].Run(t.Context(), request)
	if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), "is for linux/arm64") {
		t.Errorf("swapped in: %v", err)
	}

	one := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY f /f\n"), "f": "one"})
	request = p.request(target("one", one))
	heard := &recorder{}
	results := func(o *rebuild.Options) {
		o.Progress, o.Results, o.CacheDir, o.Build.StorageRoot = heard, p.registry.Host+"/me/results", t.TempDir(), t.TempDir()
	}
	arm, err := p.lanes(t, results, "linux/arm64")[0].Run(t.Context(), request)
	check(t, err)
	if !slices.ContainsFunc(heard.events, func(event progress.Event) bool {
		return event.State == progress.Warned && strings.HasSuffix(event.Message, "the new payload has none for linux/amd64")
	}) {
		t.Errorf("the other platform is not spoken of: %+v", heard.events)
	}
	job := p.lanes(t, nil, "linux/amd64")[0]
	planned, err := job.Plan(t.Context(), request)
	check(t, err)
	_, err = job.Assemble(t.Context(), planned, request, map[string]string{"one": arm.Components[0].Image})
	if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), "is for linux/arm64, and not for linux/amd64") {
		t.Errorf("as a part: %v", err)
	}

	tag := p.results(t)[0]
	p.registry.Push(t, "me/results", tag, payloadtest.ForArch(t, p.registry.Pull(t, arm.Components[0].Image), "amd64"))
	heard.events = nil
	again, err := p.lanes(t, results, "linux/arm64")[0].Run(t.Context(), request)
	if err != nil || again.Components[0].Digest != arm.Components[0].Digest ||
		!heard.saw("one", progress.Build, progress.Warned) {
		t.Errorf("as what somebody else built: %+v, %v; %+v", again, err, heard.events)
	}
}

// TestForeignBase builds on an image for another platform, which no list has.
func TestForeignBase(t *testing.T) {
	p := newPlayground(t)
	base := p.registry.Push(t, "bases/foreign", "latest", payloadtest.ForArch(t, p.registry.Pull(t, p.base), "arm64"))
	one := source(t, map[string]string{"Dockerfile": "FROM " + base + "\nCOPY f /f\n", "f": "one"})
	_, err := p.lanes(t, nil, "linux/amd64")[0].Run(t.Context(), p.request(target("one", one)))
	says := "the image is to be for linux/amd64, and its base \"" + base + "\" is for linux/arm64"
	if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), says) {
		t.Errorf("error %v", err)
	}
	one = source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY --from=" + base + " /bin/tool /f\n")})
	if _, err := p.lanes(t, nil, "linux/amd64")[0].Run(t.Context(), p.request(target("one", one))); err != nil {
		t.Errorf("files of an image for another platform: %v", err)
	}
}

// TestBaseWithoutPlatform builds on a list that has no image for the platform, and swaps it in: the platform is the
// payload's, so another image is what helps.
func TestBaseWithoutPlatform(t *testing.T) {
	p := newPlayground(t)
	image := p.registry.Pull(t, p.base)
	base := p.registry.PushIndex(t, "bases/others", "latest", map[string]v1.Image{
		"linux/arm64": payloadtest.ForArch(t, image, "arm64"), "linux/s390x": payloadtest.ForArch(t, image, "s390x")})
	one := source(t, map[string]string{"Dockerfile": "FROM " + base + "\nCOPY f /f\n", "f": "one"})
	for advice, target := range map[string]plan.Target{
		"--base-image names another one.":                            target("one", one),
		"Name one for linux/amd64, or a manifest list that has one.": {Name: "one", Image: base},
	} {
		_, err := p.lanes(t, nil, "linux/amd64")[0].Run(t.Context(), p.request(target))
		if fault.KindOf(err) != fault.Unresolved || fault.AdviceOf(err) != advice {
			t.Errorf("kind %d, %v (%s), want %q", fault.KindOf(err), err, fault.AdviceOf(err), advice)
		}
	}
}

// TestLanesOfStrangers starts from a list of two payloads that are not of one release.
func TestLanesOfStrangers(t *testing.T) {
	p := newPlayground(t)
	p.multi(t, "arm64")
	amd := p.registry.Pull(t, p.registry.Host+"/test/release:4.12.0")
	other := newPlayground(t)
	arm := payloadtest.ForArch(t, other.registry.Pull(t, other.release.PullSpec), "arm64")
	p.registry.PushIndex(t, "test/release", "strange", map[string]v1.Image{"linux/amd64": amd, "linux/arm64": arm})
	p.release.Tagged = p.registry.Host + "/test/release:strange"
	one := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY f /f\n"), "f": "one"})
	_, err := p.lanes(t, nil, "linux/amd64", "linux/arm64").Run(t.Context(), p.request(target("one", one)))
	if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), "do not name the same images") {
		t.Errorf("error %v", err)
	}
}

// TestForeignPrograms builds for an architecture whose programs this machine does not run.
func TestForeignPrograms(t *testing.T) {
	arch := "s390x"
	if runtime.GOARCH == arch {
		arch = "arm64"
	}
	p := newPlayground(t)
	p.multi(t, arch)
	runs, err := builder.Runs(arch, t.TempDir())
	check(t, err)
	directory := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"write\", \"/f\", \"x\"]\n")})
	_, err = p.lanes(t, nil, "linux/"+arch)[0].Run(t.Context(), p.request(target("one", directory)))
	says := "it has RUN steps, and this machine runs no programs for " + arch
	if refused := fault.KindOf(err) == fault.Build && strings.Contains(err.Error(), says); refused == runs {
		t.Errorf("this machine runs programs for %s: %t; the build ended with %v (%s)", arch, runs, err,
			fault.AdviceOf(err))
	}
}
