package ciconfig_test

import (
	"os"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
)

// TestBranchThatIsBuilt looks for the config of a component whose source is another branch than the payload's.
func TestBranchThatIsBuilt(t *testing.T) {
	ocp := ciconfig.Stream{Namespace: "ocp", Name: "4.17"}
	files := tree(map[string]string{
		"openshift/mco@master":              promoting("ocp/4.18", "", "mco"),
		"openshift/mco@release-4.17":        promoting("ocp/4.17", "", "mco"),
		"openshift/mco@release-4.17__okd":   promoting("origin/4.17", "", "mco"),
		"openshift/mco@release-4.16":        promoting("ocp/4.16", "", "mco"),
		"openshift/mco@release-4.16__okd":   promoting("origin/4.16", "", "mco"),
		"openshift/mco@fcos":                promoting("origin/4.5", "", "mco"),
		"openshift/mco@built":               "images:\n- to: mco\n",
		"openshift/mco@other":               promoting("ocp/4.17", "", "other"),
		"openshift/mco@twins__a":            promoting("ocp/4.9", "", "mco"),
		"openshift/mco@twins__b":            promoting("ocp/4.9", "", "mco"),
		"openshift/mco@release-4.17__debug": "images:\n- to: mco\n",
	})
	for _, test := range []struct{ branch, variant, ref, stream, want string }{
		{"fcos", "", "release-4.17", "ocp", "fcos"},
		{"release-4.16", "", "fcos", "ocp", "release-4.16"},
		{"release-4.16", "", "release-4.17", "origin", "release-4.16 [okd]"},
		{"master", "", "release-4.17", "ocp", "master"},
		{"built", "", "release-4.17", "ocp", "built"},
		{"other", "", "release-4.17", "ocp", "release-4.17"}, // it builds something else
		{"mine", "", "release-4.17", "ocp", "release-4.17"},
		{"", "", "release-4.17", "ocp", "release-4.17"},
		{"twins", "", "release-4.17", "ocp", "2 configs"},
		{"twins", "b", "release-4.17", "ocp", "twins [b]"},
		{"", "debug", "release-4.17", "ocp", "release-4.17 [debug]"}, // it promotes nothing, and is named
		{"", "okd", "release-4.17", "ocp", "release-4.17 [okd]"},
		{"", "nosuch", "release-4.17", "ocp", "no config promotes"},
	} {
		stream := ocp
		stream.Namespace = test.stream
		match, err := ciconfig.Open(files, "release").
			Find(t.Context(), ciconfig.Query{Stream: stream, Org: "openshift", Repo: "mco", Tag: "mco", Ref: test.ref,
				Branch: test.branch, Variant: test.variant})
		if err != nil {
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("branch %q, variant %q: %v, want %q", test.branch, test.variant, err, test.want)
			}
			continue
		}
		if got := strings.TrimPrefix(match.Metadata.String(), "openshift/mco@"); got != test.want {
			t.Errorf("branch %q, variant %q: %s (%s), want %s", test.branch, test.variant, got, match.Reason, test.want)
		}
		if own := test.branch != "" && test.branch == match.Branch; own != match.OfBranch ||
			own != strings.Contains(match.Reason, "config of the branch") {
			t.Errorf("branch %q: of the branch: %t, %s", test.branch, match.OfBranch, match.Reason)
		}
	}
}

// TestFCOSBranch finds the config of the fork branch that OKD's payloads of 2020 and 2021 were built from.
func TestFCOSBranch(t *testing.T) {
	configs := ciconfig.Open(os.DirFS(realdata.Path(t, "openshift-release-2021")), "2021")
	for _, version := range []string{"4.6", "4.8"} {
		for _, branch := range []string{"fcos", "release-4.6"} {
			match, err := configs.Find(t.Context(), ciconfig.Query{Stream: ciconfig.Stream{Namespace: "origin",
				Name: version}, Org: "openshift",
				Repo: "machine-config-operator", Tag: "machine-config-operator", Ref: "fcos", Branch: branch})
			if err != nil || match.Branch != branch {
				t.Errorf("%s, branch %q: %s, %v", version, branch, match.Metadata, err)
			}
		}
	}
}
