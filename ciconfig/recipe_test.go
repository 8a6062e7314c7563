package ciconfig_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// everything is a config with all that a payload image can need.
const everything = `zz_generated_metadata: {org: openshift, repo: all, branch: release-4.17}
canonical_go_repository: k8s.io/all
base_images:
  base: {namespace: ocp, name: "4.17", tag: base-rhel9}
  cli: {namespace: ocp, name: "4.17", tag: cli}
  golang: {namespace: ocp, name: builder, tag: rhel-9-golang-1.22-openshift-4.17}
base_rpm_images:
  with-repo: {namespace: ocp, name: "4.17", tag: base}
external_images:
  outside: {registry: quay.io, namespace: a, name: b, tag: c}
build_root: {from_repository: true}
binary_build_commands: make "all"
rpm_build_commands: make rpms
images:
- to: operator
  from: base
  dockerfile_path: ./images/Dockerfile.rhel9
  context_dir: operator/
  build_args: [{name: TAGS, value: scos}, {name: EMPTY}]
  inputs:
    golang: {as: [builder:1, registry.ci.openshift.org/ocp/builder:old]}
    outside: {as: [outside-image]}
- to: tests
  from: operator
  inputs:
    bin: {paths: [{source_path: /go/src/k8s.io/all/_output/., destination_dir: out}]}
    cli: {paths: [{source_path: /usr/bin/oc}]}
- to: overridden
  inputs:
    src: {paths: [{source_path: /go/src/k8s.io/all/2/., destination_dir: .}, {source_path: /go/src/k8s.io/all/LICENSE}]}
- to: elsewhere
  inputs:
    src: {paths: [{source_path: /etc/passwd, destination_dir: .}]}
- to: literal
  from: src
  dockerfile_literal: |
    FROM replaced
    RUN make
- to: repository
  from: with-repo
- {to: bundle-user, from: ci-bundle-x}
- {to: named-bundle-user, from: the-bundle}
- {to: typo, from: nothing-makes-this}
- {to: circle-a, from: circle-b}
- {to: circle-b, inputs: {circle-c: {as: [x]}}}
- {to: circle-c, from: circle-a}
- {to: selfish, from: selfish}
- {to: unused-input, inputs: {nothing-makes-this: {}}}
- {to: release-user, from: release-thing}
operator:
  bundles: [{as: the-bundle}]
raw_steps:
- pipeline_image_cache_step: {from: base, to: prepared, commands: "dnf install -y x\necho \"done\""}
- project_directory_image_build_step: {from: prepared, to: raw, optional: true, inputs: {tests: {as: [tests]}}}
- rpm_image_injection_step: {from: base, to: base-with-rpms}
- output_image_tag_step: {from: raw, to: {name: stable, tag: raw}}
- release_thing_step: {to: release-thing}
`

func TestOrder(t *testing.T) {
	graph, err := parse(t, everything).Graph()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"operator":     "operator",
		"tests":        "src bin operator tests",
		"overridden":   "overridden",
		"elsewhere":    "src elsewhere",
		"literal":      "src literal",
		"prepared":     "prepared",
		"raw":          "prepared src bin operator tests raw",
		"rpms":         "src bin rpms",
		"unused-input": "unused-input",
		"base":         "",
	}
	for tag, want := range tests {
		got, err := order(graph, tag)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("Order(%q) = %v, %v, want %s", tag, got, err, want)
		}
	}
	got, err := order(graph, "tests", "operator", "raw", "overridden")
	if want := "src bin operator tests prepared raw overridden"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("Order of several = %v, %v, want %s", got, err, want)
	}
}

func TestOrderRefuses(t *testing.T) {
	graph, err := parse(t, everything).Graph()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		"bundle-user":       `"ci-bundle-x" is an operator bundle`,
		"named-bundle-user": `"the-bundle" is an operator bundle`,
		"typo":              `the image "typo": config.yaml: "nothing-makes-this" is neither an imported nor a built image`,
		"repository":        `"with-repo" needs RPMs that CI serves`,
		"base-with-rpms":    `"base-with-rpms" needs RPMs that CI serves`,
		"release-user":      `"release-thing" is made by a "release_thing_step"`,
		"nothing":           `"nothing" is neither`,
	}
	for tag, want := range tests {
		if got, err := order(graph, tag); fault.KindOf(err) != fault.Unresolved ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("Order(%q) = %v, %v, want an error of class Unresolved with %q", tag, got, err, want)
		}
	}
	if _, err := parse(t,
		"base_images: {x: {namespace: a, name: b, tag: c}}\nimages: [{to: x}]\n").Graph(); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("a base image and an image of one name: %v", err)
	}
	for _, text := range []string{"build_roots: {a.b: {}}\nimages: [{to: x}]\n", "images: [{to: x, ref: a.b}]\n"} {
		if _, err := parse(t, text).Recipe("x"); fault.KindOf(err) != fault.Unresolved ||
			!strings.Contains(err.Error(), "multi-ref") {
			t.Errorf("a config of several repositories: %v", err)
		}
	}
}

func TestRecipe(t *testing.T) {
	config := parse(t, everything)
	tests := map[string]ciconfig.Recipe{
		"operator": {Kind: "image", ContextDir: "operator", Dockerfile: "images/Dockerfile.rhel9",
			From: "base", Checkout: true,
			BuildArgs: []ciconfig.Arg{{Name: "TAGS", Value: "scos"}, {Name: "EMPTY"}},
			Inputs: []ciconfig.Input{{Image: "golang",
				As: []string{"builder:1", "registry.ci.openshift.org/ocp/builder:old"}},
				{Image: "outside", As: []string{"outside-image"}}}},
		"literal": {Kind: "image", ContextDir: ".", Dockerfile: "Dockerfile", From: "src", Checkout: true,
			Literal: "FROM replaced\nRUN make\n"},
		"src": {Kind: "source", From: "root", Checkout: true,
			Literal: "FROM root\nCOPY . /go/src/k8s.io/all/\nRUN find /go/src -type d -not -perm -0775 -exec chmod g+xw {} +\nWORKDIR /go/src/k8s.io/all/\nENV GOPATH=/go\n"},
		"bin": {Kind: "cache", From: "src",
			Literal: "FROM src\nRUN [\"/bin/bash\",\"-c\",\"set -o errexit; umask 0002; make \\\"all\\\"\"]\n"},
		"prepared": {Kind: "cache", From: "base",
			Literal: "FROM base\nRUN [\"/bin/bash\",\"-c\",\"set -o errexit; umask 0002; dnf install -y x\\necho \\\"done\\\"\"]\n"},
	}
	internal := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".config" || p.Last().String() == ".Pipeline" },
		cmp.Ignore())
	for image, want := range tests {
		got, err := config.Recipe(image)
		if err != nil {
			t.Errorf("Recipe(%q): %v", image, err)
			continue
		}
		want.Image, want.Config, want.WorkDir = image, "config.yaml", "/go/src/k8s.io/all"
		if diff := cmp.Diff(want, got, internal); diff != "" {
			t.Errorf("Recipe(%q) (-want +got):\n%s", image, diff)
		}
	}
}

func TestContexts(t *testing.T) {
	config := parse(t, everything)
	tests := map[string][]ciconfig.Context{
		"operator": {{Image: "src", Source: "/go/src/k8s.io/all/operator/.", Destination: ".", Checkout: "operator/."}},
		"tests": {
			{Image: "bin", Source: "/go/src/k8s.io/all/_output/.", Destination: "out"},
			{Image: "cli", Source: "/usr/bin/oc", Destination: "."},
			{Image: "src", Source: "/go/src/k8s.io/all/./.", Destination: ".", Checkout: "./."}},
		"overridden": {
			{Image: "src", Source: "/go/src/k8s.io/all/2/.", Destination: ".", Checkout: "2/."},
			{Image: "src", Source: "/go/src/k8s.io/all/LICENSE", Destination: ".", Checkout: "LICENSE"}},
		"elsewhere": {{Image: "src", Source: "/etc/passwd", Destination: "."}},
	}
	for image, want := range tests {
		recipe, err := config.Recipe(image)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, recipe.Contexts()); diff != "" {
			t.Errorf("Contexts of %q (-want +got):\n%s", image, diff)
		}
	}
}

// TestRecipeStaysInside refuses every path that leads out of the repository or the build context.
func TestRecipeStaysInside(t *testing.T) {
	for _, image := range []string{
		"dockerfile_path: ../../../../etc/passwd", "dockerfile_path: /etc/passwd", "dockerfile_path: a/../../b",
		"context_dir: ..", "context_dir: /etc", "{context_dir: a, dockerfile_path: ../../b}",
		"{context_dir: \"a\\nb\"}",
		"dockerfile_path: \"a\\e[2J\"",
		"inputs: {base: {paths: [{source_path: /x, destination_dir: ../../root/.ssh}]}}",
		"inputs: {base: {paths: [{source_path: /x, destination_dir: /root/.ssh}]}}",
		"inputs: {base: {paths: [{source_path: /x, destination_dir: a/../..}]}}",
	} {
		image = strings.Trim(image, "{}")
		if strings.HasPrefix(image, "inputs") {
			image += "}}"
		}
		config := parse(t, "base_images: {base: {namespace: a, name: b, tag: c}}\nimages:\n- {to: x, "+image+"}\n")
		if recipe, err := config.Recipe("x"); fault.KindOf(err) != fault.Unresolved ||
			!strings.Contains(err.Error(), "is not inside the") {
			t.Errorf("%s: %+v, %v, want an error of class Unresolved", image, recipe, err)
		}
	}
	config := parse(t, "images: [{to: x, context_dir: a, dockerfile_path: ../Dockerfile.x}]\n")
	if recipe, err := config.Recipe("x"); err != nil || recipe.Dockerfile != "../Dockerfile.x" {
		t.Errorf("a Dockerfile beside the context: %+v, %v", recipe, err)
	}
}

func TestReadDockerfile(t *testing.T) {
	directory := t.TempDir()
	write(t, filepath.Join(t.TempDir(), "secret"), "FROM secret\n")
	write(t, filepath.Join(directory, "sub", "Dockerfile"), "FROM a\n")
	write(t, filepath.Join(directory, "big", "Dockerfile"), strings.Repeat("#", dockerfile.MaxSize+1))
	for name, target := range map[string]string{"link": "sub/Dockerfile", "out": "/etc/passwd",
		"up": "../../../../../../etc/passwd"} {
		if err := os.Symlink(target, filepath.Join(directory, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(directory, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	tests := map[string]string{
		"context_dir: sub": "FROM a\n", "dockerfile_path: link": "FROM a\n", "dockerfile_literal: FROM b": "FROM b",
		"dockerfile_path: out": "", "dockerfile_path: up": "", "dockerfile_path: pipe": "", "dockerfile_path: sub": "",
		"context_dir: big": "", "dockerfile_path: missing": "",
	}
	for image, want := range tests {
		recipe, err := parse(t, "images: [{to: x, "+image+"}]\n").Recipe("x")
		if err != nil {
			t.Fatal(err)
		}
		got, err := recipe.ReadDockerfile(root.FS())
		if string(got) != want || (want == "") != (fault.KindOf(err) == fault.Unresolved) {
			t.Errorf("%s: read %.40q, %v, want %q", image, got, err, want)
		}
	}
}

func TestBuildRoot(t *testing.T) {
	config := parse(t, everything)
	if !config.RootFromRepository() {
		t.Error("the build root is in the repository")
	}
	got, err := ciconfig.ParseBuildRoot(".ci-operator.yaml",
		[]byte("build_root_image:\n  name: release\n  namespace: openshift\n  tag: golang-1.22\nfuture: 1\n"))
	if err != nil || got != ref("openshift/release:golang-1.22") {
		t.Errorf("ParseBuildRoot = %v, %v", got, err)
	}
	src, err := config.Recipe("src")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Resolve([]byte(src.Literal)); fault.KindOf(err) != fault.Unresolved ||
		!strings.Contains(err.Error(), ".ci-operator.yaml") {
		t.Errorf("an unknown build root: %v", err)
	}
	config = config.WithBuildRoot(got)
	src, err = config.Recipe("src")
	if err != nil {
		t.Fatal(err)
	}
	resolution, err := src.Resolve([]byte(src.Literal))
	if err != nil || len(resolution.Bases) != 1 || resolution.Bases[0].Image != got || config.RootFromRepository() {
		t.Errorf("Resolve = %+v, %v", resolution, err)
	}
	for _, text := range []string{"", "x: 1", "build_root_image: {namespace: a, name: b}", "build_root_image: x",
		"build_root_image: {namespace: a, name: b, tag: \"c d\"}"} {
		if got, err := ciconfig.ParseBuildRoot("f", []byte(text)); fault.KindOf(err) != fault.Unresolved {
			t.Errorf("ParseBuildRoot(%q) = %v, %v, want an error", text, got, err)
		}
	}
	project := parse(t,
		"build_root: {project_image: {dockerfile_path: build/root.Dockerfile, context_dir: .}}\nimages: [{to: x, from: src}]\n")
	graph, err := project.Graph()
	if err != nil {
		t.Fatal(err)
	}
	inOrder, err := order(graph, "x")
	if err != nil || strings.Join(inOrder, " ") != "root src x" {
		t.Errorf("Order = %v, %v", inOrder, err)
	}
	recipe, err := project.Recipe("root")
	if err != nil || recipe.Dockerfile != "build/root.Dockerfile" || !recipe.Checkout {
		t.Errorf("Recipe = %+v, %v", recipe, err)
	}
}

func TestLabels(t *testing.T) {
	labels := ciconfig.Labels(ciconfig.Provenance{Repository: "https://github.com/openshift/api",
		Commit: "c0ffee", Ref: "main",
		From: "base", FromDigest: "sha256:x"})
	got := map[string]string{}
	for _, label := range labels {
		got[label.Name] = label.Value
	}
	want := map[string]string{
		"io.openshift.build.commit.author": "", "io.openshift.build.commit.date": "",
		"io.openshift.build.commit.id":      "c0ffee",
		"io.openshift.build.commit.message": "", "io.openshift.build.commit.ref": "main", "io.openshift.build.name": "",
		"io.openshift.build.namespace": "", "io.openshift.build.source-context-dir": "",
		"io.openshift.ci.from.base":          "sha256:x",
		"io.openshift.build.source-location": "https://github.com/openshift/api", "vcs-ref": "c0ffee",
		"vcs-type": "git",
		"vcs-url":  "https://github.com/openshift/api",
	}
	if diff := cmp.Diff(want, got); diff != "" || len(labels) != len(got) {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	for _, label := range ciconfig.Labels(ciconfig.Provenance{}) {
		if label.Value != "" {
			t.Errorf("nothing is known, but %s is %q", label.Name, label.Value)
		}
	}
	if got, want := ciconfig.FromLabel(strings.Repeat("a", 63)),
		"io.openshift.ci.from."+strings.Repeat("a", 42); got != want {
		t.Errorf("FromLabel cuts to %q, want %q", got, want)
	}
}
