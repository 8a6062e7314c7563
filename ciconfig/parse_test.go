package ciconfig_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// parse reads a config that must be good.
func parse(t testing.TB, text string) *ciconfig.Config {
	t.Helper()
	config, err := ciconfig.Parse("config.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func ref(text string) ciconfig.ImageRef {
	parsed, err := ciconfig.ParseImageRef(text)
	if err != nil {
		panic(err)
	}
	return parsed
}

// TestSchemas reads one config in the present schema, in the one before 2026 and in the one before 2023: they mean
// the same.
func TestSchemas(t *testing.T) {
	common := "base_images:\n  base:\n    name: 4.10\n    namespace: ocp\n    tag: base\nzz_generated_metadata:\n  branch: release-4.10\n  org: openshift\n  repo: x\n"
	images := "- from: base\n  to: x\n  inputs:\n    base:\n      as: [b, c]\n- optional: true\n  to: y\n"
	texts := map[string]string{
		"images.items and promotion.to": common + "images:\n  items:\n" + indent(images) +
			"  run_if_changed: x\npromotion:\n  to:\n  - name: 4.10\n    namespace: ocp\n    excluded_images: [z]\n",
		"a list of images": common + "images:\n" + images +
			"promotion:\n  to:\n  - {name: '4.10', namespace: ocp, excluded_images: [z]}\n",
		"one promotion target": common + "images:\n" + images +
			"promotion:\n  name: \"4.10\"\n  namespace: ocp\n  excluded_images: [z]\n",
		"JSON": `{"base_images":{"base":{"name":"4.10","namespace":"ocp","tag":"base"}},"zz_generated_metadata":{"branch":"release-4.10","org":"openshift","repo":"x"},
"images":{"items":[{"from":"base","to":"x","inputs":{"base":{"as":["b","c"]}}},{"optional":true,"to":"y"}]},"promotion":{"to":[{"name":"4.10","namespace":"ocp","excluded_images":["z"]}]}}`,
		"aliases": "x: &base {name: 4.10, namespace: ocp, tag: base}\nbase_images: {base: *base}\n" +
			strings.TrimPrefix(common,
				"base_images:\n  base:\n    name: 4.10\n    namespace: ocp\n    tag: base\n") + "images:\n" +
			images + "promotion: {name: 4.10, namespace: ocp, excluded_images: [z]}\n",
	}
	for description, text := range texts {
		t.Run(description, func(t *testing.T) {
			config := parse(t, text)
			want := []ciconfig.Promoted{{Image: "x", To: ref("ocp/4.10:x")}}
			if diff := cmp.Diff(want, config.Promotes("")); diff != "" {
				t.Errorf("promoted (-want +got):\n%s", diff)
			}
			if got := config.BaseImages["base"]; got != ref("ocp/4.10:base") {
				t.Errorf("the base is %v; an unquoted 4.10 must not become 4.1", got)
			}
			if len(config.Images) != 2 || !config.Images[1].Optional || config.Images[0].From != "base" ||
				!cmp.Equal(config.Images[0].Inputs, []ciconfig.Input{{Image: "base", As: []string{"b", "c"}}}) {
				t.Errorf("images: %+v", config.Images)
			}
			if want := (ciconfig.Metadata{Org: "openshift", Repo: "x",
				Branch: "release-4.10"}); config.Metadata != want {
				t.Errorf("metadata %v, want %v", config.Metadata, want)
			}
		})
	}
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}

func TestParseRefuses(t *testing.T) {
	var bomb strings.Builder // each list names the one before nine times
	bomb.WriteString("a0: &a0 [x]\n")
	for i := range 12 {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i+1, i+1,
			strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 9), ","))
	}
	tests := []struct{ description, text, want string }{
		{"nothing", "", "config.yaml: the file is empty"},
		{"not a mapping", "- x\n", "config.yaml:1: a config must be a mapping"},
		{"not YAML", "images:\n\t- x\n", "config.yaml: line"},
		{"images of the wrong type", "\nimages: everything\n",
			`config.yaml:2: images: must be a list, not "everything"`},
		{"an image of the wrong type", "images:\n- x\n", `config.yaml:2: images[0]: must be a mapping, not "x"`},
		{"a list for a string", "images:\n- to: [x]\n", "config.yaml:2: images[0].to: must be a string, not a list"},
		{"a string for a truth", "images:\n- to: x\n  optional: maybe\n",
			`config.yaml:3: images[0].optional: must be true or false, not "maybe"`},
		{"binary", "images:\n- to: !!binary aGk=\n", "config.yaml:2: images[0].to: must be a string"},
		{"a name is missing", "images:\n- from: x\n", "config.yaml:2: images: an image without a name"},
		{"one name twice", "images:\n- to: x\n- to: x\n", `config.yaml:3: images: two images are called "x"`},
		{"one key twice", "images:\n- to: x\n  to: y\n", `config.yaml:3: images[0]: the key "to" appears twice`},
		{"control characters in a name", "images:\n- to: \"x\\e[31m\"\n", `"x\x1b[31m" is not the name of a tag`},
		{"control characters in a base image", "base_images:\n  b: {namespace: ocp, name: \"4\\n12\", tag: x}\n",
			`config.yaml:2: base_images.b: "4\n12" is not the name`},
		{"a literal and a path", "images:\n- {to: x, dockerfile_literal: FROM a, dockerfile_path: b}\n",
			"x: dockerfile_literal excludes dockerfile_path"},
		{"a reserved name", "base_images:\n  ci-index: {namespace: a, name: b, tag: c}\n",
			`the name "ci-index" is reserved`},
		{"a build root for base images", "base_images:\n  root: {namespace: a, name: b, tag: c}\n",
			`the name "root" is reserved`},
		{"two build roots", "build_root: {from_repository: true, image_stream_tag: {namespace: a, name: b, tag: c}}\n",
			"more than one of image_stream_tag"},
		{"promotion without a namespace", "promotion: {to: [{name: x}]}\n", "a target without a namespace"},
		{"promotion to a name and a tag", "promotion: {to: [{namespace: a, name: x, tag: y}]}\n",
			"either a name or a tag"},
		{"promotion to nowhere", "promotion: {to: [{namespace: a}]}\n", "either a name or a tag"},
		{"promotion twice", "promotion: {to: [{namespace: a, name: x}, {namespace: a, name: x}]}\n",
			"two targets are the same"},
		{"a build argument with =", "images:\n- to: x\n  build_args: [{name: \"A=B\", value: c}]\n",
			`config.yaml:3: images[0].build_args[0].name: "A=B" is not the name of a build argument`},
		{"an external image that leads elsewhere",
			"external_images:\n  x: {registry: \"quay.io/@evil\", namespace: a, name: b, tag: c}\n",
			"is not the pull spec of an image"},
		{"aliases of aliases", bomb.String() + "images: [{to: x, inputs: {y: {as: *a12}}}]\n", "must be a string"},
		{"an alias of itself", "images: &i [*i]\n", "config.yaml"},
		{"a deep flow", "images: " + strings.Repeat("[", 100_000), "config.yaml"},
		{"too large", strings.Repeat("#", ciconfig.MaxConfigSize+1), "more than 8388608"},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			start := time.Now()
			_, err := ciconfig.Parse("config.yaml", []byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Parse = %v, want an error with %q", err, test.want)
			}
			if fault.KindOf(err) != fault.Unresolved {
				t.Errorf("the error is of class %d, want %d", fault.KindOf(err), fault.Unresolved)
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("Parse took %v", took)
			}
		})
	}
}

// TestAliasBomb makes a list of 9^6 items out of a few lines where a list of strings is read.
func TestAliasBomb(t *testing.T) {
	var text strings.Builder
	text.WriteString("x:\n- &a0 {base0: {as: [y]}}\n")
	text.WriteString("images:\n- to: x\n  inputs: &in\n")
	for i := range 500 {
		fmt.Fprintf(&text, "    b%d: %s\n", i, map[bool]string{true: "&l {as: [" + strings.Repeat("y,", 999) + "y]}",
			false: "*l"}[i == 0])
	}
	start := time.Now()
	_, err := ciconfig.Parse("bomb.yaml", []byte(text.String()))
	if err == nil || !strings.Contains(err.Error(), "aliases of aliases") {
		t.Errorf("Parse = %v, want an error about aliases", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("Parse took %v", took)
	}
}

// TestUnknownFields reads a config whose other fields have any shape.
func TestUnknownFields(t *testing.T) {
	config := parse(t,
		"future: [1, {a: b}]\nimages:\n- to: x\n  future: {a: [b]}\n  capabilities: 4\nresources: 7\ntests: !!binary aGk=\npromotion: {to: [{namespace: a, name: b, cron: 3}]}\n")
	if len(config.Images) != 1 || len(config.Promotes("")) != 1 {
		t.Errorf("config: %+v", config)
	}
}

// TestRequests reads what builds request of a node: those of the image win over those of every step.
func TestRequests(t *testing.T) {
	config := parse(t, "build_root: {from_repository: true}\nimages: [{to: x}, {to: y}]\n"+
		"resources:\n  '*': {requests: {cpu: 100m, memory: 200Mi}, limits: {memory: 4Gi}}\n  x: {requests: {cpu: 4}}\n")
	for image, want := range map[string]string{"x": "map[cpu:4 memory:200Mi]", "y": "map[cpu:100m memory:200Mi]"} {
		recipe, err := config.Recipe(image)
		if got := fmt.Sprint(recipe.Requests); err != nil || got != want {
			t.Errorf("%s requests %s, %v, want %s", image, got, err, want)
		}
	}
}

func TestMetadataFromPath(t *testing.T) {
	tests := map[string]ciconfig.Metadata{
		"ci-operator/config/openshift/api/openshift-api-master.yaml": {Org: "openshift", Repo: "api", Branch: "master"},
		"ci-operator/config/a/b-c/a-b-c-release-4.6__okd-scos.yaml": {Org: "a", Repo: "b-c", Branch: "release-4.6",
			Variant: "okd-scos"},
		"/x/openshift/os/openshift-os-a__b__c.yaml": {Org: "openshift", Repo: "os", Branch: "a__b",
			Variant: "c"},
		"openshift/kubernetes/openshift-kubernetes-oc-4.8-kubernetes-1.21.0-beta.1.yaml": {Org: "openshift",
			Repo:   "kubernetes",
			Branch: "oc-4.8-kubernetes-1.21.0-beta.1"},
		"openshift/api/another-name.yaml": {Org: "openshift", Repo: "api", Branch: "another-name"},
	}
	for name, want := range tests {
		if got, err := ciconfig.MetadataFromPath(name); err != nil || got != want {
			t.Errorf("MetadataFromPath(%q) = %v, %v, want %v", name, got, err, want)
		}
	}
	for _, name := range []string{"x.yaml", "api/x.yaml", "/api/x.yaml", ""} {
		if got, err := ciconfig.MetadataFromPath(name); err == nil {
			t.Errorf("MetadataFromPath(%q) = %v, want an error", name, got)
		}
	}
}

func TestPromotion(t *testing.T) {
	tests := []struct {
		description, promotion, commit string
		want                           []string
	}{
		{"the exclusion of all, and one added",
			"{to: [{namespace: a, name: b, excluded_images: ['*', x], additional_images: {z: src}}]}", "",
			[]string{"src a/b:z"}},
		{"an excluded image that is added under its name",
			"{to: [{namespace: a, name: b, excluded_images: [x], additional_images: {x: bin}}]}", "",
			[]string{"bin a/b:x", "y a/b:y"}},
		{"by tag and commit", "{to: [{namespace: a, tag: latest, tag_by_commit: true}]}", "c0ffee",
			[]string{"x a/x:c0ffee", "x a/x:latest", "y a/y:c0ffee", "y a/y:latest"}},
		{"by name and commit", "{to: [{namespace: a, name: b, tag_by_commit: true, excluded_images: [y]}]}", "c0ffee",
			[]string{"x a/b:x", "x a/x:c0ffee"}},
		{"switched off", "{to: [{namespace: a, name: b, disabled: true, excluded_images: [y]}]}", "",
			[]string{"x a/b:x off"}},
		{"no target", "{}", "", nil},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			config := parse(t, "images: [{to: x}, {to: y}, {to: o, optional: true}]\npromotion: "+test.promotion)
			var got []string
			for _, one := range config.Promotes(test.commit) {
				text := one.Image + " " + one.To.String()
				if one.Disabled {
					text += " off"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("promoted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBuildCache(t *testing.T) {
	text := "binary_build_commands: make\nimages: [{to: x}]\npromotion: {to: [{namespace: a, name: b}]%s}\nzz_generated_metadata: {org: o, repo: r, branch: main, variant: v}\n"
	if got := parse(t, fmt.Sprintf(text, "")).Promotes(""); len(got) != 2 ||
		got[1].To.String() != "build-cache/o-r:main-v" ||
		got[1].Image != "bin" {
		t.Errorf("promoted: %v", got)
	}
	if got := parse(t, fmt.Sprintf(text, ", disable_build_cache: true")).Promotes(""); len(got) != 1 {
		t.Errorf("promoted without build cache: %v", got)
	}
}

func TestReferences(t *testing.T) {
	tests := map[string]string{
		"registry.ci.openshift.org/ocp/4.19:base":                                   "ocp/4.19:base",
		"registry.svc.ci.openshift.org/openshift/release:golang-1.12":               "openshift/release:golang-1.12",
		"registry.ci.openshift.org/ocp/ubi":                                         "ocp/ubi:latest",
		"quay-proxy.ci.openshift.org/openshift/ci:ocp_builder_rhel-9-golang-1.21_x": "ocp/builder:rhel-9-golang-1.21_x",
		"quay.io/openshift/ci:ocp_4.18_cli":                                         "ocp/4.18:cli",
		"quay.io/openshift/origin-cli:4.8":                                          "",
		"registry.ci.openshift.org/ocp/4.19@sha256:aa":                              "",
		"quay.io/openshift/ci:latest":                                               "",
		"registry.ci.openshift.org.evil.example/ocp/4.19:base":                      "",
		"registry.ci.openshift.org/ocp/4.19:ba\x1bse":                               "",
		"docker.io/library/golang:1.22":                                             "",
	}
	for text, want := range tests {
		got, ok := ciconfig.FromPullspec(text)
		if got.String() != want || ok != (want != "") {
			t.Errorf("FromPullspec(%q) = %q, %v, want %q", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "x", "a/b/c:d", "a/b:", "/b:c", "a b/c:d", "a/b:c@d"} {
		if got, err := ciconfig.ParseImageRef(text); err == nil {
			t.Errorf("ParseImageRef(%q) = %v, want an error", text, got)
		}
	}
}
