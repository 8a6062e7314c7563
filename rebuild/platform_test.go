package rebuild

import (
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// TestPayloadOfAnotherMachine refuses to build for this machine what goes into a payload for another.
func TestPayloadOfAnotherMachine(t *testing.T) {
	client, err := registry.New(registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	job := Job{options: Options{Reading: client}}
	release := payload.Release{Reference: "quay.io/okd/release:s390x", Image: &registry.Image{}}
	release.Image.Config.OS, release.Image.Config.Architecture = "linux", "s390x"
	err = job.checkPlatform(&release)
	if fault.KindOf(err) != fault.Unresolved ||
		fault.AdviceOf(err) != "Pass --platform linux/s390x: builds then need a machine that runs its programs." {
		t.Errorf("%v (%s)", err, fault.AdviceOf(err))
	}
}
