package builddata_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/builddata"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
)

// branch is a small branch of build data.
func branch() fstest.MapFS {
	files := map[string]string{
		"group.yml":                            "name: openshift-4.12\nvars:\n  MAJOR: 4\n  MINOR: 12\n",
		"streams.yml":                          "golang:\n  image: openshift/golang-builder@sha256:x\n  upstream_image: registry.ci.openshift.org/ocp/builder:rhel-8-golang-1.19-openshift-{MAJOR}.{MINOR}\n  aliases: [golang-1.19]\nrhel8:\n  image: ubi8\n",
		"images/openshift-enterprise-base.yml": "name: openshift/ose-base\nfrom:\n  stream: rhel8\n",
		"images/cluster-etcd-operator.yml": `content:
  source:
    dockerfile: Dockerfile.rhel7
    git:
      branch:
        target: release-{MAJOR}.{MINOR}
      url: git@github.com:openshift-priv/cluster-etcd-operator.git
for_payload: true
from:
  builder:
  - stream: golang-1.19
  member: openshift-enterprise-base
name: openshift/ose-cluster-etcd-operator
owners: [nobody@example.com]
`,
		"images/driver.yml":       "name: openshift/ose-azure-file-csi-driver-rhel8\npayload_name: azure-file-csi-driver\ncontent:\n  source:\n    path: ./sub/dir/\n    git:\n      web: https://github.com/openshift/azure-file-csi-driver\nfrom:\n  image: quay.io/a/b:{MAJOR}\n",
		"images/gone.yml":         "mode: disabled\nname: openshift/ose-gone\n",
		"images/twin-a.yml":       "name: openshift/ose-twin\n",
		"images/twin-b.yml":       "name: openshift/ose-twin-rhel9\n",
		"images/one.yml":          "name: openshift/ose-chosen\nfor_payload: true\n",
		"images/other.yml":        "name: openshift4/ose-chosen\n",
		"images/escape.yml":       "name: openshift/ose-escape\ncontent:\n  source:\n    dockerfile: ../../etc/passwd\n",
		"images/unknown-base.yml": "name: openshift/ose-unknown-base\nfrom:\n  stream: rhel8\n",
		"images/broken.yml":       "name: [\n",
		"images/README.md":        "not an image\n",
	}
	fs := fstest.MapFS{}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fs
}

func TestComponent(t *testing.T) {
	data := builddata.Open(branch(), "build data")
	got, err := data.Component("cluster-etcd-operator")
	if err != nil {
		t.Fatal(err)
	}
	want := builddata.Image{
		Path: "images/cluster-etcd-operator.yml", Origin: "build data", Dockerfile: "Dockerfile.rhel7", ContextDir: ".",
		Repository: "https://github.com/openshift/cluster-etcd-operator", Branch: "release-4.12",
		Parents: []builddata.Parent{
			{Kind: "stream", Name: "golang-1.19", Image: ciconfig.ImageRef{Namespace: "ocp", Name: "builder",
				Tag: "rhel-8-golang-1.19-openshift-4.12"}},
			{Kind: "member", Name: "openshift-enterprise-base",
				Image: ciconfig.ImageRef{Namespace: "ocp", Name: "4.12", Tag: "base"}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Component differs (-want +got):\n%s", diff)
	}
	got, err = data.Component("azure-file-csi-driver")
	if err != nil || got.ContextDir != "sub/dir" || got.Dockerfile != "Dockerfile" ||
		got.Parents[0].Pull != "quay.io/a/b:4" {
		t.Errorf("Component = %+v, %v", got, err)
	}
	if got, err := data.Component("chosen"); err != nil || got.Path != "images/one.yml" {
		t.Errorf("of two images of one name, the payload's is %+v, %v", got, err)
	}
}

func TestComponentRefuses(t *testing.T) {
	data := builddata.Open(branch(), "build data")
	tests := map[string]string{
		"gone":    "no image is called",
		"nothing": "no image is called",
		"broken":  "no image is called",
		"twin":    "images/twin-a.yml, images/twin-b.yml",
		"escape":  "not inside the repository",
	}
	for tag, want := range tests {
		if _, err := data.Component(tag); fault.KindOf(err) != fault.Unresolved ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("Component(%q): %v, want an error of class Unresolved with %q", tag, err, want)
		}
	}
	if _, err := builddata.Open(fstest.MapFS{}, "nothing").Component("x"); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("an empty directory gives %v", err)
	}
}

const configText = `base_images:
  base: {namespace: ocp, name: "4.12", tag: base-rhel9}
images:
- dockerfile_path: Dockerfile
  from: base
  to: cluster-etcd-operator
zz_generated_metadata: {org: openshift, repo: cluster-etcd-operator, branch: release-4.12}
`

const dockerfileText = "FROM registry.ci.openshift.org/ocp/builder:rhel-8-golang-1.19-openshift-4.12 AS builder\nRUN make\nFROM whatever\nCOPY --from=builder /a /b\n"

func TestSecondOpinion(t *testing.T) {
	config, err := ciconfig.Parse("config.yaml", []byte(configText))
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := config.Recipe("cluster-etcd-operator")
	if err != nil {
		t.Fatal(err)
	}
	resolution, err := recipe.Resolve([]byte(dockerfileText))
	if err != nil {
		t.Fatal(err)
	}
	image, err := builddata.Open(branch(), "build data").Component("cluster-etcd-operator")
	if err != nil {
		t.Fatal(err)
	}
	got := image.Differences(recipe, "https://github.com/openshift/etcd", resolution.Bases)
	want := []string{
		"Dockerfile: build data say Dockerfile.rhel7, CI says Dockerfile",
		"repository: build data say https://github.com/openshift/cluster-etcd-operator, the payload says https://github.com/openshift/etcd",
		"line 3: build data build on ocp/4.12:base, CI on ocp/4.12:base-rhel9",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Differences (-want +got):\n%s", diff)
	}
	if applied := image.Apply(recipe); applied.Dockerfile != "Dockerfile.rhel7" || applied.Origin != "build data" {
		t.Errorf("Apply = %+v", applied)
	}
	settled, err := image.Settle(resolution.Bases)
	if err != nil || settled[1].Image.String() != "ocp/4.12:base" || settled[1].Reason == "" {
		t.Errorf("Settle = %+v, %v", settled, err)
	}
	if _, err := image.Settle(resolution.Bases[:1]); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("two parents for one base: %v", err)
	}
	unknown, err := builddata.Open(branch(), "build data").Component("unknown-base")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unknown.Settle(resolution.Bases[:1]); fault.KindOf(err) != fault.Unresolved ||
		!strings.Contains(err.Error(), "line 1") {
		t.Errorf("a parent without an image of CI: %v", err)
	}
}

// FuzzComponent reads an image's file and applies it.
func FuzzComponent(f *testing.F) {
	for _, file := range branch() {
		f.Add(string(file.Data))
	}
	config, err := ciconfig.Parse("config.yaml", []byte(configText))
	if err != nil {
		f.Fatal(err)
	}
	recipe, err := config.Recipe("cluster-etcd-operator")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzing.Case(t)
		files := branch()
		files["images/cluster-etcd-operator.yml"] = &fstest.MapFile{Data: []byte(text)}
		files["streams.yml"] = &fstest.MapFile{Data: []byte(text)}
		image, err := builddata.Open(files, "build data").Component("cluster-etcd-operator")
		if err != nil {
			return
		}
		resolution, err := recipe.Resolve([]byte(dockerfileText))
		if err != nil {
			t.Fatal(err)
		}
		settled, err := image.Settle(resolution.Bases)
		if err != nil {
			return
		}
		for _, base := range settled {
			if strings.ContainsAny(base.Image.String()+base.Pullspec, " \x00\n\x1b") {
				t.Fatalf("%q: %+v", text, base)
			}
		}
		image.Differences(recipe, "", resolution.Bases)
	})
}
