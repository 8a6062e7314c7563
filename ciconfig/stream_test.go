package ciconfig_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
)

func TestStream(t *testing.T) {
	tests := map[string][]string{
		"ocp/4.12":                              {"ocp/4.12"},
		"ocp/4.12-art-latest-2023-01-09-095104": {"ocp/4.12-art-latest-2023-01-09-095104", "ocp/4.12"},
		"ocp/4.8-2021-05-03-215023":             {"ocp/4.8-2021-05-03-215023", "ocp/4.8"},
		"ocp/4.20-konflux-nightly":              {"ocp/4.20-konflux-nightly", "ocp/4.20"},
		"ocp-priv/4.12-priv":                    {"ocp-priv/4.12-priv", "ocp/4.12"},
		"ocp-arm64/4.12-art-latest-arm64":       {"ocp-arm64/4.12-art-latest-arm64", "ocp/4.12"},
		"fake/4.16-art-assembly-4.16.1":         {"fake/4.16-art-assembly-4.16.1", "ocp/4.16"},
		"origin/4.12":                           {"origin/4.12", "ocp/4.12"},
		"origin/scos-4.17":                      {"origin/scos-4.17", "ocp/4.17"},
		"origin/scos-4.21-art":                  {"origin/scos-4.21-art", "origin/scos-4.21", "ocp/4.21"},
		"openshift/whatever":                    {"openshift/whatever"},
		"ocp/4.12.1":                            {"ocp/4.12.1"},
	}
	for text, want := range tests {
		stream := streamOf(text)
		var got []string
		for _, one := range stream.Candidates() {
			got = append(got, one.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("candidates of %s (-want +got):\n%s", text, diff)
		}
	}
	held := []struct{ stream, image, tag string }{
		{"ocp/4.12-art-latest-2023-01-09-095104", "ocp/4.12:cli", "cli"},
		{"origin/scos-4.17", "origin/scos-4.17:cli", "cli"},
		{"origin/scos-4.17", "ocp/4.17:cli", "cli"},
		{"origin/scos-4.17", "ocp/4.18:cli", ""},
		{"ocp/4.12", "origin/4.12:cli", ""},
	}
	for _, test := range held {
		if tag, ok := streamOf(test.stream).Holds(ref(test.image)); tag != test.tag || ok != (test.tag != "") {
			t.Errorf("%s holds %s under %q, %v, want %q", test.stream, test.image, tag, ok, test.tag)
		}
	}
}

func streamOf(text string) (s ciconfig.Stream) {
	s.Namespace, s.Name, _ = strings.Cut(text, "/")
	return s
}

// TestFallBack plans the images of the OKD payload of a release in which few had configs of their own: the rest came
// from OCP.
func TestFallBack(t *testing.T) {
	var index map[string]map[string]struct{ File, Image string }
	readJSON(t, &index, "golden", "promotion-reverse-index.json")
	_, list := components(t, "payloads", "4.12.0", "release-manifests", "image-references")
	tree := ciconfig.Open(os.DirFS(realdata.Path(t, "openshift-release-2024-08")), "openshift/release")
	for _, name := range []string{"scos-4.12", "4.12"} {
		own, found := 0, 0
		for _, one := range list {
			if one.repo == "" {
				continue
			}
			match, err := tree.Find(context.Background(), one.query(ciconfig.Stream{Namespace: "origin", Name: name}))
			if err != nil {
				t.Error(err)
				continue
			}
			found++
			want, special := index["origin/"+name][one.name]
			if !special {
				want = index["ocp/4.12"][one.name]
			} else {
				own++
			}
			if match.Path != want.File || match.Image != want.Image {
				t.Errorf("origin/%s:%s: %s %s, want %s %s", name, one.name, match.Path, match.Image,
					want.File, want.Image)
			}
		}
		if found != 180 || own == 0 {
			t.Errorf("origin/%s: %d found, %d of its own", name, found, own)
		}
	}
}
