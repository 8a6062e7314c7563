package ciconfig_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oc-rebuild/oc-rebuild/ciconfig"
)

// TestUpstreamDetection compares the references that CI detects in a Dockerfile with what upstream's own code says,
// quirks included.
func TestUpstreamDetection(t *testing.T) {
	var golden []struct {
		Name, Dockerfile, From string
		Detected               map[string]string
	}
	readJSON(t, &golden, "golden", "dockerfile-detect.json")
	if len(golden) != 9 {
		t.Fatalf("%d cases, want 9", len(golden))
	}
	for _, test := range golden {
		t.Run(test.Name, func(t *testing.T) {
			got := ciconfig.Detected([]byte(test.Dockerfile), test.From)
			if diff := cmp.Diff(test.Detected, got); diff != "" {
				t.Errorf("detected references differ (-upstream +ours):\n%s", diff)
			}
		})
	}
}
