package payload_test

import (
	"testing"

	imagev1 "github.com/openshift/api/image/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// TestStream finds the stream of a release by what it was made from, else by its name.
func TestStream(t *testing.T) {
	tests := []struct{ from, name, want string }{
		{"ocp/4.12-art-latest-2023-01-09-095104", "4.12.0", "ocp/4.12"},
		{"origin/scos-4.17-2024-08-27-000000", "4.17.0-okd-scos.0", "origin/scos-4.17"},
		{"somewhere/4.12", "4.13.1", "ocp/4.13"}, // not CI's
		{"", "4.17.0-okd-scos.ec.1", "origin/scos-4.17"},
		{"", "4.12.0-0.okd-2023-01-01-000000", "origin/4.12"},
		{"", "4.20.0-rc.1", "ocp/4.20"},
		{"", "mine", ""},
		{"ocp/latest", "scos-4.17", ""},
	}
	for _, test := range tests {
		release := payload.Release{Name: test.name, References: &imagev1.ImageStream{}}
		if test.from != "" {
			release.References.Annotations = map[string]string{"release.openshift.io/from-image-stream": test.from}
		}
		stream, err := release.Stream()
		if test.want == "" {
			if fault.KindOf(err) != fault.Unresolved ||
				fault.AdviceOf(err) != "Name the config of the component with --config." {
				t.Errorf("%+v: %v, %v (%s), want an advice", test, stream, err, fault.AdviceOf(err))
			}
			continue
		}
		if err != nil || stream.Namespace+"/"+stream.Name != test.want {
			t.Errorf("%+v: %v, %v", test, stream, err)
		}
	}
}
