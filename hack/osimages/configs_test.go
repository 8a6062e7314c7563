package osimages

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/oc-rebuild/oc-rebuild/rebuild"
)

// configs returns a directory laid out as openshift/release, of real configs.
func configs(t *testing.T, name string) string {
	t.Helper()
	shared := os.Getenv("OC_REBUILD_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	directory := filepath.Join(shared, "data", name)
	if _, err := os.Stat(directory); err != nil {
		t.Skipf("real configs are not here: %v", err)
	}
	return directory
}

// nodeImage is a Containerfile of the form that openshift/os has: its base is a build argument that the config replaces as text.
const nodeImage = "ARG IMAGE_FROM=overridden\nFROM ${IMAGE_FROM} AS build\nARG OPENSHIFT_CI=0\n" +
	"RUN --mount=type=bind,target=/run/src --mount=type=secret,id=yumrepos,target=/etc/yum.repos.d/secret.repo /run/src/build-node-image.sh\n" +
	"RUN rpm-ostree install crun\nLABEL io.openshift.metalayer=true\n"

// One config of openshift/os promotes to two streams; its inputs replace the text ${IMAGE_FROM}.
func TestConfigOfOpenshiftOS(t *testing.T) {
	tree := configs(t, "openshift-release-2026")
	for _, stream := range []string{"origin/scos-5.0", "origin/scos-5.0-art"} {
		t.Run(stream, func(t *testing.T) {
			w := newWorldOf(t, stream, map[string]v1.Image{"stream-coreos": bootable(t)})
			base := w.registry.Push(t, "coreos/stream-coreos-base", "10", image(t, nil, rootfs{}.file("etc/os-release", 0o644, "ID=scos\n")))
			source := repository(t, map[string]string{"Containerfile": nodeImage})
			got := w.run(append([]string{"plan", "stream-coreos=" + source, "--from-release", w.payload, "--release-repo", tree,
				"--base-image", "coreos/stream-coreos-base:10=" + base, "-o", "json"}, w.flags...)...)
			if got.code != 0 {
				t.Fatalf("exit code %d\n%s", got.code, got.stderr)
			}
			var plan rebuild.Plan
			check(t, json.Unmarshal([]byte(got.stdout), &plan))
			checkNodeImagePlan(t, plan, base)
		})
	}
}

// checkNodeImagePlan checks the plan of stream-coreos: its base is the one of the config, and what it needs from outside is said.
func checkNodeImagePlan(t *testing.T, plan rebuild.Plan, base string) {
	t.Helper()
	component := plan.Components[0]
	if want := "ci-operator/config/openshift/os/openshift-os-release-5.0__okd-scos.yaml"; component.Recipe.Config != want || component.Recipe.Image != "stream-coreos" {
		t.Errorf("config %q, image %q, want %q and stream-coreos", component.Recipe.Config, component.Recipe.Image, want)
	}
	if len(component.Bases) != 1 || component.Bases[0].Reference != "${IMAGE_FROM}" || component.Bases[0].Image != "coreos/stream-coreos-base:10" ||
		component.Bases[0].PullSpec != base || !component.Bases[0].Final {
		t.Errorf("bases %+v, want ${IMAGE_FROM} to be coreos/stream-coreos-base:10 at %s", component.Bases, base)
	}
	if !strings.Contains(component.Recipe.DockerfileText, "FROM "+base+" AS build\n") {
		t.Errorf("the Dockerfile does not build on the base:\n%s", component.Recipe.DockerfileText)
	}
	warnings := strings.Join(plan.Warnings, "\n")
	for _, want := range []string{`secret "yumrepos"`, "--secret id=yumrepos,src=FILE", "rpm-ostree install", "YUM_REPO_NAMES", "rhel-10.2-server-ose-5.0"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("%q is not in the warnings\n%s", want, warnings)
		}
	}
}
