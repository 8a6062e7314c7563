package rebuild

import (
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/payload"
)

func TestTagged(t *testing.T) {
	commit := strings.Repeat("a", 40)
	one := []ResultComponent{{Name: "etcd", Commit: commit, Dirty: true}}
	many := []ResultComponent{{Name: "etcd", Commit: commit}}
	for range 20 {
		many = append(many, ResultComponent{Name: "something-long", Commit: commit})
	}
	tests := []struct {
		to, name   string
		components []ResultComponent
		want       string
	}{
		{"quay.io/me/okd:mine", "4.17.0", one, "quay.io/me/okd:mine"},
		{"quay.io/me/okd", "4.17.0+build", one, "quay.io/me/okd:4.17.0_build-etcd-aaaaaaaaa-dirty"},
		{"quay.io/me/okd", "4.17.0", many, "quay.io/me/okd:4.17.0-etcd-aaaaaaaaa-and-20-more"},
		{"quay.io/me/okd", "4.17.0", []ResultComponent{{Name: "cli"}}, "quay.io/me/okd:4.17.0-cli"},
	}
	for _, test := range tests {
		if got, err := tagged(test.to, test.name, test.components); err != nil || got != test.want {
			t.Errorf("tagged(%q, %q): %q, %v, want %q", test.to, test.name, got, err, test.want)
		}
	}
	if got, err := tagged("quay.io/me/okd", strings.Repeat("9", 150), one); err == nil {
		t.Errorf("a name that is too long for a tag gives %q", got)
	}
}

func TestNameFor(t *testing.T) {
	components := []ResultComponent{{Name: "etcd", Commit: "0123456789abcdef"}, {Name: "cli", Dirty: true}}
	for old, want := range map[string]string{
		"4.17.0":                  "4.17.0-etcd-012345678-cli-dirty",
		"4.17.0-okd-scos.0+build": "4.17.0-okd-scos.0-etcd-012345678-cli-dirty+build",
	} {
		got := nameFor(old, components)
		if got != want {
			t.Errorf("nameFor(%q) = %q, want %q", old, got, want)
		}
		if err := payload.CheckName(got); err != nil {
			t.Error(err)
		}
	}
}
