package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

func TestLocalSources(t *testing.T) {
	tests := []struct {
		description string
		targets     []plan.Target
		want        []string
	}{
		{"two directories and a branch", []plan.Target{{Name: "a", Source: "/src/a"}, {Name: "b", Source: "@main"},
			{Name: "c", Source: "/src/c"}},
			[]string{"/src/a", "/src/c"}},
		{"no directory", []plan.Target{{Name: "a"}, {Name: "b", Source: "#1"}}, nil},
		{"no component", nil, nil},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			got, err := localSources(plan.Request{Targets: test.targets})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("localSources() (-want +got):\n%s", diff)
			}
			if test.want == nil && fault.KindOf(err) != fault.Usage {
				t.Errorf("localSources() = %v, want a usage error", err)
			}
		})
	}
}
