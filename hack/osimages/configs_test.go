package osimages

import (
	"encoding/json"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// nodeImage is a Containerfile of the form that openshift/os has: its base is a build argument that the config
// replaces as text.
const nodeImage = "ARG IMAGE_FROM=overridden\nFROM ${IMAGE_FROM} AS build\nARG OPENSHIFT_CI=0\n" +
	"RUN --mount=type=bind,target=/run/src --mount=type=secret,id=yumrepos,target=/etc/yum.repos.d/secret.repo /run/src/build-node-image.sh\n" +
	"RUN rpm-ostree install crun\nLABEL io.openshift.metalayer=true\n"

// One config of openshift/os promotes to two streams; its inputs replace the text ${IMAGE_FROM}.
func TestConfigOfOpenshiftOS(t *testing.T) {
	tree := realdata.Path(t, "openshift-release-2026")
	for _, stream := range []string{"origin/scos-5.0", "origin/scos-5.0-art"} {
		t.Run(stream, func(t *testing.T) {
			w := newWorldOf(t, stream, map[string]v1.Image{"stream-coreos": bootable(t)})
			base := w.registry.Push(t, "coreos/stream-coreos-base", "10",
				image(t, nil, rootfs{}.file("etc/os-release", 0o644, "ID=scos\n")))
			source := repository(t, map[string]string{"Containerfile": nodeImage})
			planned := w.plan(tree, "stream-coreos="+source, "--base-image", "coreos/stream-coreos-base:10="+base)
			checkNodeImagePlan(t, planned, base)
		})
	}
}

// checkNodeImagePlan checks the plan of stream-coreos: its base is the one of the config, and what it needs from
// outside is said.
func checkNodeImagePlan(t *testing.T, planned plan.Plan, base string) {
	t.Helper()
	component := planned.Components[0]
	if want := "ci-operator/config/openshift/os/openshift-os-release-5.0__okd-scos.yaml"; component.Recipe.Config != want ||
		component.Recipe.Image != "stream-coreos" {
		t.Errorf("config %q, image %q, want %q and stream-coreos", component.Recipe.Config,
			component.Recipe.Image, want)
	}
	if len(component.Bases) != 1 || component.Bases[0].Reference != "${IMAGE_FROM}" ||
		component.Bases[0].Image != "coreos/stream-coreos-base:10" ||
		component.Bases[0].PullSpec != base || !component.Bases[0].Final {
		t.Errorf("bases %+v, want ${IMAGE_FROM} to be coreos/stream-coreos-base:10 at %s", component.Bases, base)
	}
	if dockerfile := string(component.Recipe.File.Text()); !strings.Contains(dockerfile, "FROM "+base+" AS build\n") {
		t.Errorf("the Dockerfile does not build on the base:\n%s", dockerfile)
	}
	warnings := strings.Join(planned.Warnings, "\n")
	for _, want := range []string{`secret "yumrepos"`, "--secret id=yumrepos,src=FILE",
		"rpm-ostree install", "YUM_REPO_NAMES",
		"rhel-10.2-server-ose-5.0"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("%q is not in the warnings\n%s", want, warnings)
		}
	}
}

// plan runs plan with a tree of configs, and returns what it settled.
func (w *world) plan(tree string, args ...string) plan.Plan {
	w.t.Helper()
	args = append([]string{"plan", "--from-release", w.payload, "--release-repo", tree, "-o", "json"}, args...)
	got := w.run(append(args, w.flags...)...)
	if got.code != 0 {
		w.t.Fatalf("exit code %d\n%s", got.code, got.stderr)
	}
	var planned plan.Plan
	check(w.t, json.Unmarshal([]byte(got.stdout), &planned))
	return planned
}

// The extensions of openshift/os are built from the image of the same config, which is the component where that is
// rebuilt too.
func TestExtensionsOfOpenshiftOS(t *testing.T) {
	tree := realdata.Path(t, "openshift-release-2026")
	w := newWorldOf(t, "origin/scos-5.0", map[string]v1.Image{"stream-coreos": bootable(t),
		"stream-coreos-extensions": image(t, nil, rootfs{}.file("x", 0o644, ""))})
	base := w.registry.Push(t, "coreos/stream-coreos-base", "10",
		image(t, nil, rootfs{}.file("etc/os-release", 0o644, "ID=scos\n")))
	source := repository(t, map[string]string{"Containerfile": nodeImage,
		"extensions/Containerfile": "FROM ${IMAGE_FROM} AS os\nRUN rpm-ostree compose extensions\nFROM registry.access.redhat.com/ubi9/ubi:latest\nCOPY --from=os /usr/share/rpm-ostree/extensions/ /usr/share/rpm-ostree/extensions/\n"})
	planned := w.plan(tree, "stream-coreos="+source, "stream-coreos-extensions="+source,
		"--base-image", "coreos/stream-coreos-base:10="+base, "--base-image", "ocp/builder:stream10="+base)
	if len(planned.Order) != 2 || planned.Order[0][0] != "stream-coreos" ||
		planned.Order[1][0] != "stream-coreos-extensions" {
		t.Errorf("order %v, want the extensions after the operating system", planned.Order)
	}
	first := planned.Components[1].Bases[0]
	if first.Reference != "${IMAGE_FROM}" || first.From != "build" {
		t.Errorf("base %+v, want ${IMAGE_FROM} to be the image of this run", first)
	}
}

// machine-os-content of openshift/okd-machine-os is fedora-coreos under another name, which takes a file out of a
// third image of the config.
func TestConfigOfOKDMachineOS(t *testing.T) {
	tree := realdata.Path(t, "openshift-release-2024-08")
	w := newWorldOf(t, "origin/4.12", map[string]v1.Image{"fedora-coreos": bootable(t),
		"machine-os-content": bootable(t)})
	base := w.registry.Push(t, "test/base", "latest",
		image(t, nil, rootfs{}.file("etc/os-release", 0o644, "ID=base\n")))
	source := repository(t, map[string]string{
		"Dockerfile.ci": "FROM " + base + "\nCOPY Dockerfile.generated /tmp/\n",
		"Dockerfile.generated": "FROM registry.ci.openshift.org/origin/4.12:artifacts AS artifacts\nFROM " + base +
			"\nCOPY --from=artifacts /srv/repo/ /tmp/rpms/\nRUN rpm-ostree install crun && ostree container commit\n",
	})
	planned := w.plan(tree, "machine-os-content="+source, "--base-image", "origin/4.12:artifacts="+base)
	component := planned.Components[0]
	if want := "ci-operator/config/openshift/okd-machine-os/openshift-okd-machine-os-release-4.12.yaml"; component.Recipe.Config != want {
		t.Errorf("config %q, want %q", component.Recipe.Config, want)
	}
	if len(component.Bases) != 1 || component.Bases[0].Reference != "fedora-coreos" ||
		component.Bases[0].From != "build" {
		t.Errorf("bases %+v, want fedora-coreos, built in this run", component.Bases)
	}
	if last := planned.Order[len(planned.Order)-1]; len(planned.Order) != 3 || last[0] != "machine-os-content" {
		t.Errorf("order %v, want layering-build, fedora-coreos and machine-os-content one after the other",
			planned.Order)
	}
	if warnings := strings.Join(planned.Warnings, "\n"); !strings.Contains(warnings, "rpm-ostree install") {
		t.Errorf("the repositories that the packages come from are not in the warnings %q", warnings)
	}
}
