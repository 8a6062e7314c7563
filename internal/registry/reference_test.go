package registry_test

import (
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

const sum = "sha256:f30638f60452062aba36a26ee6c036feead2f03b28f2c47f2b0a991e4182331e"

func TestParsePullSpec(t *testing.T) {
	tests := []struct{ spec, want, message string }{
		{spec: "quay.io/okd/scos-release:4.17", want: "quay.io/okd/scos-release:4.17"},
		{spec: "quay.io/okd/scos-release@" + sum, want: "quay.io/okd/scos-release@" + sum},
		{spec: "quay.io/okd/scos-release:4.17@" + sum, want: "quay.io/okd/scos-release@" + sum},
		{spec: "localhost/x/y", want: "localhost/x/y"},
		{spec: "127.0.0.1:5000/x", want: "127.0.0.1:5000/x"},
		{spec: "scos-release:4.17", message: "does not name its registry"},
		{spec: "okd/scos-release:4.17", message: "does not name its registry"},
		{spec: "", message: "does not name its registry"},
		{spec: "quay.io/x@sha256:../../x", message: "invalid reference format"},
		{spec: "quay.io/x@sha256:" + strings.Repeat("a", 63), message: "invalid checksum digest length"},
		{spec: "host:99999/x", message: "not a port"},
		{spec: "http://user:pw@evil/x", message: "not a port"},
		{spec: "docker-archive:/etc/shadow", message: "not a port"},
		{spec: "quаy.io/openshift/x", message: "invalid reference format"}, // the а is Cyrillic
		{spec: "quay.io/x\n", message: "invalid reference format"},
		{spec: "quay.io/" + strings.Repeat("x/", 2000), message: "longer than"},
	}
	for _, test := range tests {
		t.Run(test.spec, func(t *testing.T) {
			got, err := registry.ParsePullSpec(test.spec)
			if test.message != "" {
				if err == nil || !strings.Contains(err.Error(), test.message) || fault.KindOf(err) != fault.Usage {
					t.Errorf("ParsePullSpec(%q) = %v, %v, want a usage error with %q", test.spec, got,
						err, test.message)
				}
				return
			}
			if err != nil || got.String() != test.want {
				t.Errorf("ParsePullSpec(%q) = %v, %v, want %s", test.spec, got, err, test.want)
			}
		})
	}
}

func TestParseReference(t *testing.T) {
	directory := t.TempDir()
	tests := []struct{ spec, transport, rest string }{
		{"quay.io/okd/scos-release", "docker", "//quay.io/okd/scos-release:latest"},
		{"docker://quay.io/okd/scos-release:4.17", "docker", "//quay.io/okd/scos-release:4.17"},
		{"localhost:5000/x:y", "docker", "//localhost:5000/x:y"},
		{"oci:" + directory + ":tag", "oci", directory + ":tag"},
		{"dir:" + directory, "dir", directory},
	}
	for _, test := range tests {
		got, err := registry.ParseReference(test.spec)
		if err != nil || got.Transport().Name() != test.transport || got.StringWithinTransport() != test.rest {
			t.Errorf("ParseReference(%q) = %v, %v, want %s:%s", test.spec, got, err, test.transport, test.rest)
		}
	}
	if _, err := registry.ParseReference("docker://x"); fault.KindOf(err) != fault.Usage {
		t.Errorf("a reference without a registry: %v", err)
	}
}

func TestParseTarget(t *testing.T) {
	for _, spec := range []string{"quay.io/a/b", "quay.io/a/b:c", "docker:5000/a/b:c"} { // a host may be called docker
		if got, err := registry.ParseTarget(spec); err != nil || got.String() != spec {
			t.Errorf("ParseTarget(%q) = %v, %v", spec, got, err)
		}
	}
	for spec, advice := range map[string]string{
		"docker://quay.io/a/b:c":    "Leave docker:// out.",
		"docker://quay.io/a/b":      "Leave docker:// out.",
		"oci:/tmp/layout:tag":       "Name a repository of a registry, such as quay.io/me/okd-release:mine.",
		"dir:/tmp/x":                "Name a repository of a registry, such as quay.io/me/okd-release:mine.",
		"docker-archive:/tmp/x":     "Name a repository of a registry, such as quay.io/me/okd-release:mine.",
		"quay.io/a/b@" + sum:        "Name a tag, or only the repository.",
		"containers-storage:x":      "Name a repository of a registry, such as quay.io/me/okd-release:mine.",
		"okd/scos-release:x":        "Write the registry's name first, such as quay.io/okd/scos-release:4.17.",
		"docker://quay.io/a@" + sum: "Leave docker:// out.",
	} {
		if _, err := registry.ParseTarget(spec); fault.KindOf(err) != fault.Usage || fault.AdviceOf(err) != advice {
			t.Errorf("ParseTarget(%q): kind %d, %v (%s), want %q", spec, fault.KindOf(err), err, fault.AdviceOf(err), advice)
		}
	}
}

// FuzzParsePullSpec looks for pull specs that do not survive being written and read again, or that name no registry.
func FuzzParsePullSpec(f *testing.F) {
	for _, seed := range []string{"quay.io/a/b:c", "quay.io/a@" + sum, "h:1/x", "[::1]:5000/x", "a/b",
		"oci:x", "quay.io/A"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fuzzing.Case(t)
		got, err := registry.ParsePullSpec(s)
		if err != nil {
			return
		}
		again, err := registry.ParsePullSpec(got.String())
		if err != nil || again.String() != got.String() {
			t.Errorf("%q became %q, which reads as %v, %v", s, got, again, err)
		}
	})
}
