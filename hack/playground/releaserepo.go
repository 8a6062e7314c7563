package playground

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed release.txtar
var releaseArchive []byte

// writeReleaseRepo writes the openshift/release tree to p.ReleaseRepo, and as a repository below root.
//
// Every component with source has a configuration for ocp/4.17 and one for origin/scos-4.17, but for two that exist
// to be asked for in vain: etcd has one more branch whose configuration promotes the same image, and driver-toolkit
// has none at all.
func (p *Playground) writeReleaseRepo(ctx context.Context, root string) error {
	files := txtar.Parse(releaseArchive).Files
	configs, err := generatedConfigs()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		files = append(files, txtar.File{Name: name, Data: []byte(configs[name])})
	}
	for _, f := range files {
		name := filepath.Join(p.ReleaseRepo, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			return err
		}
	}
	return writeRepository(ctx, root, "openshift/release", []commit{{
		Ref: "refs/heads/master", Date: created(), Message: "The configurations of the playground\n", Files: files,
	}})
}

// generatedConfigs returns the configurations of the components without a repository, by path.
func generatedConfigs() (map[string]string, error) {
	list, err := components(nil)
	if err != nil {
		return nil, err
	}
	real := map[string]bool{"": true, "openshift/driver-toolkit": true}
	for _, source := range sources() {
		real[source.Repository] = true
	}
	images := map[string][]string{}
	for _, c := range list {
		if !real[c.Repository] {
			images[c.Repository] = append(images[c.Repository], c.Name)
		}
	}
	configs := map[string]string{}
	for repository, names := range images {
		branches := []string{"release-4.17"}
		if repository == "openshift/etcd" {
			branches = append(branches, "openshift-4.17")
		}
		for _, branch := range branches {
			for _, variant := range []string{"", "okd-scos"} {
				configs[configPath(repository, branch, variant)] = config(repository, branch, variant, names)
			}
		}
	}
	return configs, nil
}

func configPath(repository, branch, variant string) string {
	if variant != "" {
		branch += "__" + variant
	}
	return path.Join("ci-operator/config", repository, strings.ReplaceAll(repository, "/", "-")+"-"+branch+".yaml")
}

// config is a configuration in the older schema, with images as a list; the variant for OKD uses the newer one.
func config(repository, branch, variant string, images []string) string {
	org, repo, _ := strings.Cut(repository, "/")
	namespace, name, base := "ocp", "4.17", "base-rhel9"
	var b strings.Builder
	indent, list, args := "", "images:\n", ""
	if variant != "" {
		namespace, name, base = "origin", "scos-4.17", "base-stream9"
		indent, list = "  ", "images:\n  items:\n"
		args = "\n    build_args:\n    - name: TAGS\n      value: scos"
	}
	fmt.Fprintf(&b, `base_images:
  %[3]s:
    name: %[2]q
    namespace: %[1]s
    tag: %[3]s
  ocp_builder_rhel-9-golang-1.22-openshift-4.17:
    name: builder
    namespace: ocp
    tag: rhel-9-golang-1.22-openshift-4.17
build_root:
  from_repository: true
`, namespace, name, base)
	b.WriteString(list)
	for _, image := range images {
		dockerfile := "Dockerfile"
		if len(images) > 1 {
			dockerfile = "images/" + image + "/Dockerfile"
		}
		fmt.Fprintf(&b, `%[1]s- dockerfile_path: %[2]s
%[1]s  from: %[3]s%[4]s
%[1]s  inputs:
%[1]s    ocp_builder_rhel-9-golang-1.22-openshift-4.17:
%[1]s      as:
%[1]s      - registry.ci.openshift.org/ocp/builder:rhel-9-golang-1.22-openshift-4.17
%[1]s  to: %[5]s
`, indent, dockerfile, base, args, image)
	}
	fmt.Fprintf(&b, `promotion:
  to:
  - name: %[2]q
    namespace: %[1]s
resources:
  '*':
    requests:
      cpu: 200m
      memory: 200Mi
zz_generated_metadata:
  branch: %[3]s
  org: %[4]s
  repo: %[5]s
`, namespace, name, branch, org, repo)
	if variant != "" {
		fmt.Fprintf(&b, "  variant: %s\n", variant)
	}
	return b.String()
}
