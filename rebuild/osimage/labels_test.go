package osimage

import (
	"encoding/json"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"
)

const digest = "0123456789abcdef"

func TestVersion(t *testing.T) {
	tests := []struct{ description, version, want string }{
		{"RHCOS", "412.86.202301061548-0", "412.86.202301061548-0.modified-01234567"},
		{"no pre-release", "9.6.20250523", "9.6.20250523-modified-01234567"},
		{"modified before", "412.86.202301061548-0.modified-fedcba98", "412.86.202301061548-0.modified-01234567"},
		{"modified before, no pre-release", "9.6.20250523-modified-fedcba98", "9.6.20250523-modified-01234567"},
		{"build metadata", "1.2.3+abc", "1.2.3-modified-01234567+abc"},
		{"four parts, which is no semantic version", "39.20231101.3.0", "39.20231101.3.0-modified-01234567"},
		{"nothing", "", ""},
		{"not a version", "1.2; rm -rf /", "1.2; rm -rf /"},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			if got := Version(test.version, digest); got != test.want {
				t.Errorf("Version(%q) = %q, want %q", test.version, got, test.want)
			}
		})
	}
}

// Payloads take semantic versions alone, and a modified image should count as newer than the one it is made of.
func TestVersionStaysSemantic(t *testing.T) {
	for _, version := range []string{"412.86.202301061548-0", "48.84.202105022103-0", "9.6.20250523-0"} {
		modified, err := semver.StrictNewVersion(Version(version, digest))
		if err != nil {
			t.Errorf("Version(%q): %v", version, err)
			continue
		}
		if old := semver.MustParse(version); !modified.GreaterThan(old) {
			t.Errorf("Version(%q) = %s, which is not newer", version, modified)
		}
	}
}

func TestLabels(t *testing.T) {
	base := map[string]string{
		"version": "1.2.3-0", "org.opencontainers.image.version": "1.2.3-0",
		"io.openshift.build.versions": "kernel=5.14.0, machine-os=1.2.3-0",
		"ostree.commit":               "ab", "io.openshift.metalayer": "true",
	}
	want := map[string]string{
		"version": "1.2.3-0.modified-01234567", "org.opencontainers.image.version": "1.2.3-0.modified-01234567",
		"io.openshift.build.versions": "kernel=5.14.0, machine-os=1.2.3-0.modified-01234567",
	}
	if diff := cmp.Diff(want, Labels(base, digest)); diff != "" {
		t.Errorf("Labels (-want +got):\n%s", diff)
	}
	if got := Labels(map[string]string{"ostree.commit": "ab"}, digest); len(got) != 0 {
		t.Errorf("Labels of an image without versions = %v, want none: a label that it does not have must not appear",
			got)
	}
}

func TestRelabelChangesLabelsAlone(t *testing.T) {
	tests := []struct{ description, config, want string }{
		{"an image with labels",
			`{"architecture":"amd64","config":{"Cmd":["x"],"Labels":{"a":"1","b":"2"}},"rootfs":{"type":"layers"}}`,
			`{"architecture":"amd64","config":{"Cmd":["x"],"Labels":{"a":"1","b":"3"}},"rootfs":{"type":"layers"}}`},
		{"without labels", `{"config":{"Cmd":["x"]}}`, `{"config":{"Cmd":["x"],"Labels":{"b":"3"}}}`},
		{"labels null", `{"config":{"Labels":null}}`, `{"config":{"Labels":{"b":"3"}}}`},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			got, err := Relabel([]byte(test.config), map[string]string{"b": "3"})
			if err != nil {
				t.Fatal(err)
			}
			var have, want any
			if err := json.Unmarshal(got, &have); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("Relabel (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := Relabel([]byte(`{"config":3}`), map[string]string{"b": "3"}); err == nil {
		t.Error("Relabel of a config that is none succeeds")
	}
}

func TestDetect(t *testing.T) {
	tests := []struct {
		description, name string
		labels            map[string]string
		want              Kind
		ok                bool
	}{
		{"RHCOS", "rhel-coreos-8", map[string]string{"ostree.bootable": "true"}, Bootable, true},
		{"bootc", "stream-coreos", map[string]string{"containers.bootc": "1"}, Bootable, true},
		{"extensions", "rhel-coreos-8-extensions", nil, Extensions, true},
		{"legacy", "machine-os-content", map[string]string{"com.coreos.ostree-commit": "ab"}, Legacy, true},
		{"machine-os-content of 4.12 OKD, which is bootable", "machine-os-content",
			map[string]string{"ostree.bootable": "true", "com.coreos.ostree-commit": "ab"}, Bootable, true},
		{"an operator", "machine-config-operator",
			map[string]string{"io.openshift.release.operator": "true"}, "", false},
		{"not bootable", "x", map[string]string{"ostree.bootable": "false"}, "", false},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			if got, ok := Detect(test.name, test.labels); got != test.want || ok != test.ok {
				t.Errorf("Detect(%q, %v) = %q, %v, want %q, %v", test.name, test.labels, got, ok, test.want, test.ok)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]struct {
		system     bool
		extensions string
	}{
		"rhel-coreos": {true, "rhel-coreos-extensions"}, "stream-coreos-extensions": {true, "stream-coreos-extensions"},
		"machine-os-content": {true, "machine-os-content"}, "machine-os-images": {false, ""},
		"ironic-machine-os-downloader": {false, ""},
	} {
		if got := IsName(name); got != want.system {
			t.Errorf("IsName(%q) = %v, want %v", name, got, want.system)
		}
		if got := ExtensionsName(name); want.system && got != want.extensions {
			t.Errorf("ExtensionsName(%q) = %q, want %q", name, got, want.extensions)
		}
	}
}
