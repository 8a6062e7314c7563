package ciconfig_test

import (
	"context"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
	"sigs.k8s.io/yaml"
)

// component is what a payload says about one of its images.
type component struct{ name, org, repo, ref string }

// components reads the image-references of a real payload.
func components(t testing.TB, elements ...string) (ciconfig.Stream, []component) {
	t.Helper()
	var references struct {
		Metadata struct{ Annotations map[string]string }
		Spec     struct {
			Tags []struct {
				Name        string
				Annotations map[string]string
			}
		}
	}
	readJSON(t, &references, elements...)
	namespace, name, _ := strings.Cut(references.Metadata.Annotations["release.openshift.io/from-image-stream"], "/")
	var list []component
	for _, tag := range references.Spec.Tags {
		one := component{name: tag.Name, ref: tag.Annotations["io.openshift.build.commit.ref"]}
		if source := strings.TrimPrefix(tag.Annotations["io.openshift.build.source-location"],
			"https://github.com/"); source != "" {
			one.org, one.repo, _ = strings.Cut(source, "/")
		}
		list = append(list, one)
	}
	return ciconfig.Stream{Namespace: namespace, Name: name}, list
}

// statedDockerfile reads a config without the package under test, and returns where an image's Dockerfile is.
func statedDockerfile(t *testing.T, name, image string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	type entry struct {
		To                 string `json:"to"`
		ContextDir         string `json:"context_dir"`
		Dockerfile         string `json:"dockerfile_path"`
		DockerfileLiteral  string `json:"dockerfile_literal"`
		ProjectImageRecipe *entry `json:"project_directory_image_build_step"`
	}
	var config struct {
		Images   []entry `json:"images"`
		RawSteps []entry `json:"raw_steps"`
	}
	if err := yaml.Unmarshal(data, &config); err != nil {
		t.Fatal(err)
	}
	for _, step := range config.RawSteps {
		if step.ProjectImageRecipe != nil {
			config.Images = append(config.Images, *step.ProjectImageRecipe)
		}
	}
	for _, one := range config.Images {
		switch {
		case one.To != image:
		case one.DockerfileLiteral != "":
			return "literal"
		case one.Dockerfile == "":
			return path.Join(one.ContextDir, "Dockerfile")
		default:
			return path.Join(one.ContextDir, one.Dockerfile)
		}
	}
	return ""
}

// planned finds the recipe of each component and compares it with upstream's index. It returns the names of those
// that have none.
func planned(t *testing.T, stream ciconfig.Stream, list []component, key string) (missing []string) {
	t.Helper()
	var index map[string]map[string]struct{ File, Image string }
	readJSON(t, &index, "golden", "promotion-reverse-index.json")
	root := realdata.Path(t, "openshift-release-2024-08")
	tree := ciconfig.Open(os.DirFS(root), "openshift/release")
	for _, one := range list {
		if one.repo == "" && one.org == "" && key != "origin/scos-4.17" {
			missing = append(missing, one.name)
			continue
		}
		match, err := tree.Find(context.Background(),
			ciconfig.Query{Stream: stream, Tag: one.name, Org: one.org, Repo: one.repo, Ref: one.ref})
		if err != nil {
			missing = append(missing, one.name)
			continue
		}
		want := index[key][one.name]
		if match.Path != want.File || match.Image != want.Image {
			t.Errorf("%s: %s %s, want %s %s", one.name, match.Path, match.Image, want.File, want.Image)
		}
		if one.repo != "" && match.Repo != one.repo {
			t.Errorf("%s: the config of %s, the payload says %s", one.name, match.Repo, one.repo)
		}
		recipe, err := match.Recipe()
		if err != nil {
			t.Errorf("%s: %v", one.name, err)
			continue
		}
		got := path.Join(recipe.ContextDir, recipe.Dockerfile)
		if recipe.Literal != "" {
			got = "literal"
		}
		if want := statedDockerfile(t, path.Join(root, match.Path), match.Image); got != want {
			t.Errorf("%s: the Dockerfile is %s, want %s", one.name, got, want)
		}
	}
	slices.Sort(missing)
	return missing
}

// TestPayload412 plans all of a release: three images have no source at all.
func TestPayload412(t *testing.T) {
	stream, list := components(t, "payloads", "4.12.0", "release-manifests", "image-references")
	missing := planned(t, stream, list, "ocp/4.12")
	if want := []string{"machine-os-content", "rhel-coreos-8", "rhel-coreos-8-extensions"}; !slices.Equal(missing,
		want) || len(list) != 183 {
		t.Errorf("of %d components, these have no recipe: %v, want %v", len(list), missing, want)
	}
}

// TestPayload48CI plans a payload of CI, three years older than the configs: one image has no source, one moved to
// another repository, which the error names, and two are not promoted any more.
func TestPayload48CI(t *testing.T) {
	stream, list := components(t, "payloads", "4.8.0-ci", "image-references")
	missing := planned(t, stream, list, "ocp/4.8")
	want := []string{"cluster-cloud-controller-manager-operator-src", "kubevirt-machine-controllers",
		"machine-os-content", "pod"}
	if !slices.Equal(missing, want) || len(list) != 140 {
		t.Errorf("of %d components, these have no recipe: %v, want %v", len(list), missing, want)
	}
	tree := ciconfig.Open(os.DirFS(realdata.Path(t, "openshift-release-2024-08")), "openshift/release")
	_, err := tree.Find(context.Background(),
		ciconfig.Query{Stream: stream, Tag: "pod", Org: "openshift", Repo: "images", Ref: "master"})
	if err == nil || !strings.Contains(err.Error(), "openshift-kubernetes-release-4.8.yaml") {
		t.Errorf("the error %v does not say where pod went", err)
	}
}

// TestPayloadOKD plans all 200 images of an OKD stream.
func TestPayloadOKD(t *testing.T) {
	var index map[string]map[string]struct{ File, Image string }
	readJSON(t, &index, "golden", "promotion-reverse-index.json")
	var list []component
	for _, tag := range slices.Sorted(maps.Keys(index["origin/scos-4.17"])) {
		list = append(list, component{name: tag})
	}
	missing := planned(t, ciconfig.Stream{Namespace: "origin", Name: "scos-4.17"}, list, "origin/scos-4.17")
	if len(list) != 200 || len(missing) != 0 {
		t.Errorf("of %d components, these have no recipe: %v", len(list), missing)
	}
}

// TestLeavesOKD follows the base images of an OKD stream through the configs that promote them, down to those that
// nothing promotes. As few as these must come from elsewhere: everything else can be taken from the payload or be
// built. The exception is artifacts, which another release's config promotes.
func TestLeavesOKD(t *testing.T) {
	var index map[string]map[string]struct{ File, Image string }
	readJSON(t, &index, "golden", "promotion-reverse-index.json")
	tree := ciconfig.Open(os.DirFS(realdata.Path(t, "openshift-release-2024-08")), "openshift/release")
	stream := ciconfig.Stream{Namespace: "origin", Name: "scos-4.17"}
	leaves := map[string]bool{}
	for tag := range index[stream.String()] {
		match, err := tree.Find(context.Background(), ciconfig.Query{Stream: stream, Tag: tag})
		if err != nil {
			t.Fatal(err)
		}
		for _, base := range bases(t, match) {
			_, held := stream.Holds(base)
			if _, promoted := index[stream.String()][base.Tag]; tag != "artifacts" && (!held || !promoted) {
				leaves[base.String()] = true
			}
		}
	}
	want := []string{"ocp/builder:rhel-8-golang-1.22-openshift-4.17", "ocp/builder:rhel-9-base-nodejs-openshift-4.17",
		"ocp/builder:rhel-9-golang-1.21-openshift-4.17", "ocp/builder:rhel-9-golang-1.22-openshift-4.17",
		"ocp/builder:stream9"}
	if got := slices.Sorted(maps.Keys(leaves)); !slices.Equal(got, want) {
		t.Errorf("images from elsewhere: %v, want %v", got, want)
	}
}

// bases lists the images that are imported to build one, itself or through its siblings.
func bases(t *testing.T, match ciconfig.Match) (list []ciconfig.ImageRef) {
	t.Helper()
	graph, err := match.Config.Graph()
	if err != nil {
		t.Fatal(err)
	}
	inOrder, err := order(graph, match.Image)
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range inOrder {
		needs, err := graph.Needs(made)
		if err != nil {
			t.Fatal(err)
		}
		for _, need := range needs {
			if step, _ := graph.Step(need); step.Kind == ciconfig.StepInput {
				list = append(list, step.Base)
			}
		}
	}
	return list
}
