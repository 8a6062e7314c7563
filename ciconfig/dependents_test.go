package ciconfig_test

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
)

func TestPayloadTags(t *testing.T) {
	config := parse(t,
		everything+"promotion: {to: [{namespace: ocp, name: '4.17', additional_images: {operator-two: operator}}]}\n")
	stream := ciconfig.Stream{Namespace: "ocp", Name: "4.17"}
	tests := map[string][]string{
		"operator":   {"base-rhel9"},
		"tests":      {"base-rhel9", "cli", "operator-two"},
		"raw":        {"base-rhel9", "cli", "operator-two", "tests"},
		"repository": {"base"},
		"overridden": {},
		"circle-a":   {"circle-b", "circle-c"},
	}
	for image, want := range tests {
		got, err := config.PayloadTags(image, stream)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("PayloadTags(%q): %v (-want +got):\n%s", image, err, diff)
		}
	}
	if _, err := config.PayloadTags("nothing", stream); fault.KindOf(err) != fault.Unresolved {
		t.Errorf("an unknown image: %v", err)
	}
}

// TestDependentsOfCLI finds, in a real release, what must be built again when cli changes.
func TestDependentsOfCLI(t *testing.T) {
	stream, list := components(t, "payloads", "4.12.0", "release-manifests", "image-references")
	tree := ciconfig.Open(os.DirFS(realdata.Path(t, "openshift-release-2024-08")), "openshift/release")
	var dependents []string
	for _, one := range list {
		if one.repo == "" {
			continue
		}
		match, err := tree.Find(context.Background(), one.query(stream))
		if err != nil {
			t.Fatal(err)
		}
		tags, err := match.Config.PayloadTags(match.Image, stream)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(tags, "cli") {
			dependents = append(dependents, one.name)
		}
	}
	want := []string{"agent-installer-api-server", "agent-installer-csr-approver", "cli-artifacts",
		"deployer", "must-gather",
		"ovn-kubernetes", "tools"}
	if diff := cmp.Diff(want, dependents); diff != "" {
		t.Errorf("what is built on cli (-want +got):\n%s", diff)
	}
}
