package ciconfig_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
)

// goldenStep is a step of the build graph as upstream's code sees it.
type goldenStep struct {
	Type     string `json:"type"`
	To       string `json:"to"`
	From     string `json:"from"`
	Base     string `json:"base"`
	Commands string `json:"commands"`
}

type goldenConfig struct {
	File          string              `json:"file"`
	FromPath      ciconfig.Metadata   `json:"from_path"`
	Basename      string              `json:"basename"`
	Metadata      ciconfig.Metadata   `json:"zz_generated_metadata"`
	Promoted      map[string][]string `json:"promoted"`
	IfNotDisabled map[string][]string `json:"if_not_disabled"`
	Steps         []goldenStep        `json:"steps"`
}

// TestUpstreamConfigs compares names, promotion and build graph of real configs of all ages with what upstream's own
// code says.
func TestUpstreamConfigs(t *testing.T) {
	var golden []goldenConfig
	readJSON(t, &golden, "golden", "configs.json")
	if len(golden) != 89 {
		t.Fatalf("%d cases, want 89", len(golden))
	}
	for _, want := range golden {
		t.Run(filepath.Base(want.File), func(t *testing.T) {
			data, err := os.ReadFile(realdata.Path(t, filepath.FromSlash(want.File)))
			if err != nil {
				t.Fatal(err)
			}
			config, err := ciconfig.Parse(want.File, data)
			if err != nil {
				t.Fatal(err)
			}
			fromPath, err := ciconfig.MetadataFromPath(want.File)
			if err != nil || fromPath != want.FromPath || config.Metadata != want.Metadata ||
				config.Metadata.Basename() != want.Basename {
				t.Errorf("metadata: from the path %v (%v), from the file %v, want %v, %v, %v", fromPath, err,
					config.Metadata, want.FromPath,
					want.Metadata, want.Basename)
			}
			comparePromotion(t, config, want)
			sortSteps(want.Steps)
			if diff := cmp.Diff(want.Steps, steps(config)); diff != "" {
				t.Errorf("steps differ (-upstream +ours):\n%s", diff)
			}
		})
	}
}

func comparePromotion(t *testing.T, config *ciconfig.Config, want goldenConfig) {
	t.Helper()
	promoted, all := map[string][]string{}, map[string][]string{}
	for _, one := range config.Promotes("") {
		all[one.Image] = append(all[one.Image], one.To.String())
		if !one.Disabled {
			promoted[one.Image] = append(promoted[one.Image], one.To.String())
		}
	}
	if diff := cmp.Diff(want.Promoted, promoted); diff != "" {
		t.Errorf("promoted images differ (-upstream +ours):\n%s", diff)
	}
	if want.IfNotDisabled != nil {
		if diff := cmp.Diff(want.IfNotDisabled, all); diff != "" {
			t.Errorf("images of disabled targets differ (-upstream +ours):\n%s", diff)
		}
	}
}

// steps returns the build graph in upstream's form; the source step is not part of it there.
func steps(config *ciconfig.Config) []goldenStep {
	var list []goldenStep
	for _, step := range config.Steps() {
		if step.Kind == ciconfig.StepSource {
			continue
		}
		list = append(list, goldenStep{string(step.Kind), step.To, step.From, step.Base.String(), step.Commands})
	}
	sortSteps(list)
	return list
}

func sortSteps(list []goldenStep) {
	key := func(s goldenStep) string { return s.Type + "\x00" + s.To + "\x00" + s.From }
	sort.Slice(list, func(a, b int) bool { return key(list[a]) < key(list[b]) })
}

// TestReverseIndex finds the config and image of every tag of five streams in the directory tree alone.
func TestReverseIndex(t *testing.T) {
	var index map[string]map[string]struct{ File, Image string }
	readJSON(t, &index, "golden", "promotion-reverse-index.json")
	tree := ciconfig.Open(os.DirFS(realdata.Path(t, "openshift-release-2024-08")), "openshift/release")
	tags := 0
	for _, name := range slices.Sorted(maps.Keys(index)) {
		namespace, stream, _ := strings.Cut(name, "/")
		for tag, want := range index[name] {
			tags++
			match, err := tree.Find(context.Background(),
				ciconfig.Query{Stream: ciconfig.Stream{Namespace: namespace, Name: stream}, Tag: tag})
			if err != nil {
				t.Errorf("%s:%s: %v", name, tag, err)
				continue
			}
			if match.Path != want.File || match.Image != want.Image {
				t.Errorf("%s:%s: got %s %s, want %s %s", name, tag, match.Path, match.Image, want.File, want.Image)
			}
		}
	}
	if tags != 752 {
		t.Errorf("%d tags, want 752", tags)
	}
}
