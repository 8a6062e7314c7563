package rebuild_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/builddata"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// Build data that disagree are shown; with --recipe=build-data their Dockerfile and bases are taken.
func TestBuildData(t *testing.T) {
	p := newPlayground(t)
	data := builddata.Open(fstest.MapFS{
		"group.yml": &fstest.MapFile{Data: []byte("vars: {MAJOR: 4, MINOR: 12}\n")},
		"streams.yml": &fstest.MapFile{Data: []byte("golang: {image: openshift/golang-builder, upstream_image: " +
			p.builder + "}\n")},
		"images/one.yml": &fstest.MapFile{Data: []byte("name: openshift/one\npayload_name: one\nfor_payload: true\ncontent: {source: {dockerfile: Dockerfile.art, git: {web: 'https://github.com/example/one', branch: {target: release-4.12}}}}\nfrom: {stream: golang}\n")},
	}, "the test's build data")
	one := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nCOPY Dockerfile /\n"),
		"Dockerfile.art": p.dockerfile("FROM BASE\nCOPY Dockerfile.art /\n"),
		"config.yaml":    "images: [{to: one}]\npromotion: {to: [{namespace: ocp, name: \"4.12\"}]}\nzz_generated_metadata: {org: example, repo: one, branch: main}\n"})
	planWith := func(recipe string) plan.Component {
		t.Helper()
		o := p.options(t)
		o.BuildData = data
		job, err := rebuild.New(o)
		check(t, err)
		request := p.request(plan.Target{Name: "one", Source: one, Config: one + "/config.yaml"})
		request.Recipe = recipe
		planned, err := planOf(t, job, request)
		check(t, err)
		check(t, job.Close())
		if warned := slices.ContainsFunc(planned.Warnings,
			func(w string) bool {
				return strings.Contains(w,
					"build data say Dockerfile.art")
			}); warned == (recipe != "") {
			t.Errorf("with recipe %q the warnings are %q", recipe, planned.Warnings)
		}
		return planned.Components[0]
	}
	ci, art := planWith(""), planWith(plan.RecipeBuildData)
	got := []string{ci.Recipe.Dockerfile, ci.Bases[0].PullSpec, art.Recipe.Dockerfile, art.Bases[0].PullSpec}
	if diff := cmp.Diff([]string{"Dockerfile", p.base, "Dockerfile.art", p.builder}, got); diff != "" {
		t.Errorf("Dockerfiles and bases (-want +got):\n%s", diff)
	}
}
