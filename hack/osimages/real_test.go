package osimages

import (
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// Both operating systems of the real 4.12.0, which has an old and a new one, are changed in one run; nothing else of
// the payload changes.
func TestRealPayload(t *testing.T) {
	real := payloadtest.ReadReal(t, realdata.Path(t, "payloads", "4.12.0", "release-manifests"))
	old, _ := machineOSContent(t)
	w := newWorldFrom(t, real.Release(t), map[string]v1.Image{"machine-os-content": old, "rhel-coreos-8": bootable(t)})
	overlay := write(t, map[string]string{"etc/motd": "mine\n"})
	result := w.rebuild("machine-os-content", "rhel-coreos-8", "--overlay", "machine-os-content="+overlay, "--overlay",
		"rhel-coreos-8="+overlay,
		"--os-tools-image", w.tools("ostree"))
	client := payloadtest.Client(t)
	before, err := payload.Open(t.Context(), client, w.payload)
	check(t, err)
	after, err := payload.Open(t.Context(), client, result.Release.Image)
	check(t, err)
	var changed []string
	for _, component := range after.Components() {
		was, err := before.Component(component.Name)
		check(t, err)
		if was.Image != component.Image {
			changed = append(changed, component.Name)
		}
	}
	if want := []string{"machine-os-content", "rhel-coreos-8"}; !slices.Equal(changed, want) ||
		len(after.Components()) != len(before.Components()) {
		t.Errorf("%v of %d components changed, want %v of %d", changed, len(after.Components()), want,
			len(before.Components()))
	}
	checkInfo(t, w, result.Release.Image, labels(t, w.component(result.Release.Image, "rhel-coreos-8"))["version"])
}
