package bases_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/bases"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
)

func TestLookup(t *testing.T) {
	rules, err := bases.ParseFile("map.txt", []byte(`# a comment
ocp/4.17:base-rhel9 = quay.io/me/base:9
registry.ci.openshift.org/ocp/4.17:cli = payload:cli   # with the registry's name
ocp/builder:rhel-*-golang-*-openshift-4.17 = quay.io/me/go:$2-el${1}
ocp/*:tools=quay.io/me/tools@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
docker.io/library/*:* = mirror.example.com/$1:$2
`))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		description string
		names       []string
		want        string
	}{
		{"a literal name", []string{"ocp/4.17:base-rhel9"}, "quay.io/me/base:9"},
		{"a pattern with the registry, a name without", []string{"ocp/4.17:cli"}, "payload:cli"},
		{"a pattern without the registry, a name with its old one",
			[]string{"registry.svc.ci.openshift.org/ocp/4.17:base-rhel9"},
			"quay.io/me/base:9"},
		{"what wildcards were", []string{"ocp/builder:rhel-9-golang-1.22-openshift-4.17"}, "quay.io/me/go:1.22-el9"},
		{"another release", []string{"ocp/builder:rhel-9-golang-1.22-openshift-4.18"}, ""},
		{"a wildcard is no slash and no colon", []string{"ocp/x/y:tools"}, ""},
		{"an image from elsewhere", []string{"docker.io/library/golang:1.22"}, "mirror.example.com/golang:1.22"},
		{"the second name fits", []string{"", "nothing", "ocp/9.9:tools"},
			"quay.io/me/tools@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
		{"no name", []string{""}, ""},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			got, _, ok := rules.Lookup(test.names...)
			if got != test.want || ok != (test.want != "") {
				t.Errorf("Lookup(%q) = %q, %v, want %q", test.names, got, ok, test.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "ocp/4.17:base", "=x", "x=", "a=b=c", "a b=c", "a=b\x1b[31m", "a=b c",
		"ocp/*:x=quay.io/x:$2",
		"ocp/x:y=quay.io/x:$0", "a=b\\c"} {
		if rule, err := bases.Parse("--base-image", text); fault.KindOf(err) != fault.Usage {
			t.Errorf("Parse(%q) = %+v, %v, want a usage error", text, rule, err)
		}
	}
	_, err := bases.ParseFile("map.txt", []byte("a=b\n\nbroken\n"))
	if err == nil || !strings.Contains(err.Error(), "map.txt:3") {
		t.Errorf("the error %v does not name the line", err)
	}
	if _, err := bases.ParseFile("map.txt", make([]byte, bases.MaxSize+1)); err == nil {
		t.Error("a file of rules may be of any size")
	}
}

// TestStandIns holds the table to its promises: pull specs that registries understand, a reason each, and one for
// every leaf of an OKD payload.
func TestStandIns(t *testing.T) {
	rules, err := bases.StandIns()
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		if rule.Note == "" {
			t.Errorf("%s: %s has no comment above it that says how it differs", rule.Source, rule.Pattern)
		}
	}
	tests := map[string][]string{
		"ocp/builder:rhel-9-golang-1.22-openshift-4.17": {
			"registry.ci.openshift.org/openshift/release:rhel-9-release-golang-1.22-openshift-4.17",
			"registry.access.redhat.com/ubi9/go-toolset:1.22",
			"docker.io/library/golang:1.22"},
		"ocp/builder:rhel-8-golang-1.22-openshift-4.17": {
			"registry.ci.openshift.org/openshift/release:rhel-8-release-golang-1.22-openshift-4.17",
			"registry.access.redhat.com/ubi8/go-toolset:1.22",
			"docker.io/library/golang:1.22"},
		"ocp/builder:rhel-9-golang-1.21-openshift-4.17": {
			"registry.ci.openshift.org/openshift/release:rhel-9-release-golang-1.21-openshift-4.17",
			"registry.access.redhat.com/ubi9/go-toolset:1.21",
			"docker.io/library/golang:1.21"},
		"ocp/builder:stream9":                            {"quay.io/centos/centos:stream9"},
		"ocp/builder:rhel-9-base-nodejs-openshift-4.17":  {"registry.access.redhat.com/ubi9/nodejs-18:latest"},
		"ocp/builder:rhel-8-base-openshift-4.12":         {"registry.access.redhat.com/ubi8/ubi:latest"},
		"ocp/builder:rhel-8-etcd-golang-1.16":            {"docker.io/library/golang:1.16"},
		"origin/scos-4.17:base-stream9":                  {"quay.io/centos/centos:stream9"},
		"ocp/4.12:base":                                  {"registry.access.redhat.com/ubi8/ubi:latest"},
		"registry.ci.openshift.org/ocp/4.18:base-rhel9":  {"registry.access.redhat.com/ubi9/ubi:latest"},
		"quay.io/somebody/base:latest":                   nil,
		"ocp/4.17:cli":                                   nil,
		"coreos/coreos-assembler:latest":                 nil,
		"ocp/4.12:base-but-something-else-of-that-kinds": nil,
	}
	for image, want := range tests {
		var got []string
		for _, choice := range rules.All(image) {
			got = append(got, choice.Pullspec)
			if _, err := name.ParseReference(choice.Pullspec, name.StrictValidation); err != nil {
				t.Errorf("%s: %v", choice.Rule.Source, err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("stand-ins for %s differ (-want +got):\n%s", image, diff)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add("ocp/*:base = quay.io/x:$1\n# note\n", "ocp/4.12:base")
	f.Add("a=b", "a")
	f.Add("*=$1", "\x00")
	f.Fuzz(func(t *testing.T, text, image string) {
		fuzzing.Case(t)
		rules, err := bases.ParseFile("f", []byte(text))
		if err != nil {
			return
		}
		for _, choice := range rules.All(image) {
			if choice.Pullspec == "" && image != "" && !strings.Contains(choice.Rule.Target, "$") {
				t.Errorf("%q gives an empty pull spec for %q", text, image)
			}
		}
	})
}
