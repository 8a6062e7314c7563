package rebuild_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// indexed is what upstream's own code says about a tag: which config promotes it, and which of its images.
type indexed struct{ File, Image string }

// index returns upstream's answers for a stream.
func index(t testing.TB, stream string) map[string]indexed {
	t.Helper()
	data, err := os.ReadFile(realdata.Path(t, "golden", "promotion-reverse-index.json"))
	must(t, err)
	var all map[string]map[string]indexed
	must(t, json.Unmarshal(data, &all))
	return all[stream]
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// realPayload seeds a payload with the tags, sources and commits of the real 4.12.0, over images that are not real.
func realPayload(t testing.TB, registry *payloadtest.Registry) payloadtest.Seeded {
	t.Helper()
	data, err := os.ReadFile(realdata.Path(t, "payloads", "4.12.0", "release-manifests", "image-references"))
	must(t, err)
	var stream struct {
		Metadata struct{ Annotations map[string]string }
		Spec     struct {
			Tags []struct {
				Name        string
				Annotations map[string]string
			}
		}
	}
	must(t, json.Unmarshal(data, &stream))
	release := payloadtest.Release{Name: "4.12.0", Created: commitTime, Annotations: stream.Metadata.Annotations}
	for _, tag := range stream.Spec.Tags {
		release.Components = append(release.Components, payloadtest.Component{Name: tag.Name, Labels: tag.Annotations})
	}
	return registry.Seed(t, release)
}

// configs opens the real configs of August 2024.
func configs(t testing.TB) plan.Configs {
	t.Helper()
	return ciconfig.Open(os.DirFS(realdata.Path(t, "openshift-release-2024-08")), "openshift/release")
}

// planAll plans a whole payload. What only CI has stands for itself: the registry on loopback has one image for all of
// it.
func planAll(t testing.TB, registry *payloadtest.Registry, release payloadtest.Seeded, leaf string,
	patterns ...string) *plan.Plan {
	t.Helper()
	client := payloadtest.Client(t)
	job, err := rebuild.New(rebuild.Options{Reading: client, Pushing: client, Configs: configs(t),
		CacheDir: t.TempDir()})
	must(t, err)
	request := plan.Request{Release: release.Tagged, All: true}
	for _, pattern := range patterns {
		request.BaseImages = append(request.BaseImages, pattern+"="+leaf)
	}
	planned, err := planOf(t, job, request)
	if err != nil && fault.KindOf(err) != fault.Unresolved || planned == nil { // what cannot be built is in the plan
		t.Fatal(err)
	}
	must(t, job.Close())
	return planned
}

// compareWithIndex checks config and image of every component that has a recipe, and returns the problems of the
// others.
func compareWithIndex(t *testing.T, planned *plan.Plan, want map[string]indexed) map[string]string {
	t.Helper()
	problems := map[string]string{}
	for _, c := range planned.Components {
		if c.Recipe.Config == "" {
			problems[c.Name] = c.Problem
			continue
		}
		if diff := cmp.Diff(want[c.Name], indexed{c.Recipe.Config, c.Recipe.Image}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Name, diff)
		}
	}
	return problems
}

// A whole real payload: 180 of 183 components as upstream's own code has it, and the three without source are named as
// such.
func TestPlanAll(t *testing.T) {
	registry := payloadtest.NewRegistry(t)
	release := realPayload(t, registry)
	leaf := registry.Push(t, "bases/leaf", "latest", baseImage(t, map[string]string{"etc/leaf": "leaf"}))
	planned := planAll(t, registry, release, leaf, "ocp/builder:*", "ocp/4.*:base", "ocp/ubi:*", "openshift/release:*",
		"*/*:ubi*", "ocp/4.12:base-rhel9")
	want := map[string]string{}
	for _, name := range []string{"machine-os-content", "rhel-coreos-8", "rhel-coreos-8-extensions"} {
		want[name] = `the payload records no source for component "` + name + `"`
	}
	if diff := cmp.Diff(want, compareWithIndex(t, planned, index(t, "ocp/4.12"))); diff != "" ||
		len(planned.Components) != 183 {
		t.Errorf("%d components; without a recipe (-want +got):\n%s", len(planned.Components), diff)
	}
	from := map[string]map[string]string{}
	for _, c := range planned.Components {
		from[c.Name] = map[string]string{}
		for _, b := range c.Bases {
			from[c.Name][b.Alias] = b.From + " " + b.Component + b.Built
		}
	}
	for _, w := range [][3]string{
		{"must-gather", "base", "payload cli"}, // a sibling that the payload has, from the same commit
		{"tools", "cli", "payload cli"},        //
		{"ovn-kubernetes", "ovn-kubernetes-base", "build openshift/ovn-kubernetes:ovn-kubernetes-base"}, // one that it has not
	} {
		if got := from[w[0]][w[1]]; got != w[2] {
			t.Errorf("%s: the base %s is from %q, want %q; all: %q", w[0], w[1], got, w[2], from[w[0]])
		}
	}
	checkOrder(t, planned)
}

// A payload with every tag of OKD 4.17: 200 of 200, and at most five images that no config makes.
func TestPlanAllOKD(t *testing.T) {
	registry := payloadtest.NewRegistry(t)
	want := index(t, "origin/scos-4.17")
	release := payloadtest.Release{Name: "4.17.0-okd-scos.0", Created: commitTime,
		Annotations: map[string]string{"release.openshift.io/from-image-stream": "origin/scos-4.17-2024-08-27-000000"}}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		directory := path.Dir(want[name].File)
		repository := "https://github.com/" + path.Base(path.Dir(directory)) + "/" + path.Base(directory)
		release.Components = append(release.Components, payloadtest.Component{Name: name, Labels: map[string]string{
			"io.openshift.build.commit.id": commit, "io.openshift.build.source-location": repository}})
	}
	if len(want) != 200 {
		t.Fatalf("the index has %d tags", len(want))
	}
	seeded := registry.Seed(t, release)
	leaf := registry.Push(t, "bases/leaf", "latest", baseImage(t, map[string]string{"etc/leaf": "leaf"}))
	planned := planAll(t, registry, seeded, leaf, "ocp/builder:*", "ocp/4.18:*")
	if problems := compareWithIndex(t, planned, want); len(problems) > 0 {
		t.Errorf("without a recipe: %v", problems)
	}
	// artifacts holds RPMs that are compiled in src, on a build root that only the source names: a plan without sources
	// ends there.
	leaves, built := map[string]bool{}, map[string]plan.Component{}
	for _, c := range append(slices.Clone(planned.Components), planned.Images...) {
		built[c.Name] = c
	}
	var visit func(c plan.Component)
	visit = func(c plan.Component) {
		if c.Problem != "" {
			t.Errorf("%s cannot be built: %s", c.Name, c.Problem)
		}
		for _, b := range append(slices.Clone(c.Bases), c.Files...) {
			switch {
			case b.Built != "":
				visit(built[b.Built])
			case b.Component == "":
				leaves[b.Image] = true
			}
		}
	}
	for _, c := range planned.Components {
		if c.Name != "artifacts" {
			visit(c)
		}
	}
	if len(leaves) > 5 {
		t.Errorf("%d images come from elsewhere: %v", len(leaves), slices.Sorted(maps.Keys(leaves)))
	}
	checkOrder(t, planned)
}

// checkOrder checks that everything comes after what it is built on.
func checkOrder(t *testing.T, planned *plan.Plan) {
	t.Helper()
	at := map[string]int{}
	for i, group := range planned.Order {
		for _, name := range group {
			at[name] = i + 1
		}
	}
	for _, c := range append(slices.Clone(planned.Components), planned.Images...) {
		for _, b := range append(slices.Clone(c.Bases), c.Files...) {
			if b.Built != "" && (at[b.Built] == 0 || at[b.Built] >= at[c.Name]) {
				t.Errorf("%s is built in step %d, and %s, which it needs, in step %d", c.Name, at[c.Name],
					b.Built, at[b.Built])
			}
		}
	}
}

// What is built on cli is built with it, in order, and what is built on that too.
func TestDependents(t *testing.T) {
	registry := payloadtest.NewRegistry(t)
	release := realPayload(t, registry)
	client := payloadtest.Client(t)
	leaf := registry.Push(t, "bases/leaf", "latest", baseImage(t, map[string]string{"etc/leaf": "leaf"}))
	dockerfiles := map[string]string{} // which say nothing that the config does not replace
	for _, c := range planAll(t, registry, release, leaf, "*/*:*").Components {
		dockerfiles[path.Join(c.Recipe.ContextDir, c.Recipe.Dockerfile)] = "FROM scratch\n"
	}
	delete(dockerfiles, "")
	delete(dockerfiles, ".")
	store, err := gitsrc.Open(t.TempDir(), gitsrc.Options{})
	must(t, err)
	sources := oneTree{store: store, path: source(t, dockerfiles)}
	job, err := rebuild.New(rebuild.Options{Reading: client, Pushing: client, Sources: sources, Configs: configs(t),
		CacheDir: t.TempDir()})
	must(t, err)
	planned, err := planOf(t, job,
		plan.Request{Release: release.Tagged, Dependents: true,
			BaseImages: []string{"ocp/builder:*=" + leaf, "ocp/4.12:base=" + leaf},
			Targets:    []plan.Target{{Name: "cli"}}},
	)
	must(t, errors.Join(err, job.Close()))
	var names []string
	for _, c := range planned.Components {
		names = append(names, c.Name)
	}
	for _, name := range []string{"cli", "tools", "must-gather", "cli-artifacts", "deployer", "tests"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not among %v", name, names)
		}
	}
	if slices.Contains(names, "etcd") {
		t.Errorf("etcd is among %v", names)
	}
}

// BenchmarkPlanAll plans the 183 components of a real payload; the goal is 2 s.
func BenchmarkPlanAll(b *testing.B) {
	registry := payloadtest.NewRegistry(b)
	release := realPayload(b, registry)
	leaf := release.Images["cli"]
	for b.Loop() {
		started := time.Now()
		planAll(b, registry, release, leaf, "*/*:*")
		if took := time.Since(started); took > 2*time.Second {
			b.Errorf("planning took %v", took)
		}
	}
}

// BenchmarkPlanOne plans one component of a real payload with its Dockerfile; the goal is 0.3 s.
func BenchmarkPlanOne(b *testing.B) {
	registry := payloadtest.NewRegistry(b)
	release := realPayload(b, registry)
	directory := b.TempDir()
	must(b, os.WriteFile(path.Join(directory, "Dockerfile"), []byte("FROM scratch\n"), 0o600))
	store, err := gitsrc.Open(b.TempDir(), gitsrc.Options{})
	must(b, err)
	for b.Loop() {
		started := time.Now()
		client := payloadtest.Client(b)
		job, err := rebuild.New(
			rebuild.Options{
				Reading:  client,
				Pushing:  client,
				Sources:  oneTree{store: store, path: directory},
				Configs:  configs(b),
				CacheDir: b.TempDir(),
			},
		)
		must(b, err)
		request := plan.Request{
			Release:    release.Tagged,
			Targets:    []plan.Target{{Name: "cluster-dns-operator"}},
			BaseImages: []string{"*/*:*=" + release.Images["cli"]},
		}
		_, err = planOf(b, job, request)
		must(b, errors.Join(err, job.Close()))
		if took := time.Since(started); took > 300*time.Millisecond {
			b.Errorf("planning took %v", took)
		}
	}
}
