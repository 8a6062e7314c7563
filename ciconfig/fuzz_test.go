package ciconfig_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
)

// FuzzParse reads a config and asks everything of it that can be asked.
func FuzzParse(f *testing.F) {
	f.Add(everything)
	f.Add("images: [{to: x, from: y, inputs: {z: {as: [a], paths: [{source_path: /a, destination_dir: b}]}}}]\npromotion: {to: [{namespace: a, name: 4.10}]}\n")
	f.Add("a: &a [*a]\nimages: &b {items: *b}\n")
	f.Add(`{"images":{"items":[{"to":"x"}]},"build_root":{"project_image":{"dockerfile_literal":"FROM a"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		fuzzing.Case(t)
		config, err := ciconfig.Parse("org/repo/org-repo-main.yaml", []byte(text))
		if err != nil {
			printable(t, err)
			return
		}
		config.Promotes("c0ffee")
		graph, err := config.Graph()
		if err != nil {
			return
		}
		for _, step := range config.Steps() {
			if _, err := graph.Needs(step.To); err != nil {
				printable(t, err)
				continue
			}
			recipe, err := config.Recipe(step.To)
			if err != nil {
				printable(t, err)
				continue
			}
			if name := filepath.Join("/repository", recipe.ContextDir, recipe.Dockerfile); !strings.HasPrefix(name,
				"/repository/") &&
				name != "/repository" {
				t.Fatalf("the Dockerfile %q is outside the repository", name)
			}
			for _, piece := range recipe.Contexts() {
				if name := filepath.Join("/context", piece.Destination); !strings.HasPrefix(name, "/context") ||
					strings.HasPrefix(name, "/context.") {
					t.Fatalf("%q is copied outside the context", piece.Destination)
				}
			}
			resolve(t, recipe, recipe.Literal)
		}
	})
}

// FuzzFromPullspec reads pull specs: what names an image of CI must read back from that image's own pull specs.
func FuzzFromPullspec(f *testing.F) {
	f.Add("registry.ci.openshift.org/ocp/4.19:base")
	f.Add("quay-proxy.ci.openshift.org/openshift/ci:ocp_builder_rhel-9_x")
	f.Add("registry.svc.ci.openshift.org/a/b@sha256:x")
	f.Fuzz(func(t *testing.T, text string) {
		fuzzing.Case(t)
		ref, ok := ciconfig.FromPullspec(text)
		if !ok {
			return
		}
		if again, ok := ciconfig.FromPullspec(ref.Pullspec()); !ok || again != ref {
			t.Fatalf("%q is %v, whose pull spec is %v, %v", text, ref, again, ok)
		}
		if again, err := ciconfig.ParseImageRef(ref.String()); err != nil || again != ref {
			t.Fatalf("%q is %v, which reads as %v, %v", text, ref, again, err)
		}
	})
}

// FuzzResolve applies one config to any Dockerfile.
func FuzzResolve(f *testing.F) {
	f.Add("FROM builder:1 AS b\nFROM registry.ci.openshift.org/ocp/4.17:cli\nCOPY --from=b / /\n")
	f.Add("ARG A=registry.ci.openshift.org/ocp/4.17:cli\nFROM $A\nRUN --mount=from=outside-image true\n")
	f.Add("FROM \x00base\nFROM pipeline:base\n")
	config, err := ciconfig.Parse("config.yaml", []byte(everything))
	if err != nil {
		f.Fatal(err)
	}
	recipe, err := config.Recipe("operator")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzing.Case(t)
		resolve(t, recipe, text)
	})
}

// resolve resolves and rewrites a Dockerfile: every base must have exactly one meaning, unless it is refused, and the
// result must read back.
func resolve(t *testing.T, recipe ciconfig.Recipe, text string) {
	resolution, err := recipe.Resolve([]byte(text))
	if err != nil {
		printable(t, err)
		return
	}
	for _, base := range resolution.Bases {
		meanings := 0
		for _, set := range []bool{!base.Image.IsZero(), base.Pullspec != "", base.Sibling != ""} {
			if set {
				meanings++
			}
		}
		if refused := base.Refused != nil && meanings == 0; meanings != 1 && !refused || base.Reason == "" {
			t.Fatalf("%q: %+v has %d meanings", text, base, meanings)
		}
	}
	if _, err := resolution.Rewrite(func(ciconfig.Base) string { return "example.com/base:1" }); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}

// TestRealConfigs asks everything of the whole data set: nothing may panic, and no recipe but the known unsupported
// ones may fail.
func TestRealConfigs(t *testing.T) {
	images, failed := 0, 0
	for _, year := range []string{"2019", "2021", "2024-08", "2026"} {
		err := filepath.WalkDir(realdata.Path(t, "openshift-release-"+year),
			func(name string, entry os.DirEntry, err error) error {
				if err != nil || entry.IsDir() || filepath.Ext(name) != ".yaml" {
					return err
				}
				data, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				config, err := ciconfig.Parse(name, data)
				if err != nil {
					t.Error(err)
					return nil
				}
				for _, image := range config.Images {
					images++
					recipe, err := config.Recipe(image.To)
					if err != nil {
						failed++
						if !strings.Contains(err.Error(), "needs RPMs that CI serves") {
							t.Error(err)
						}
						continue
					}
					if recipe.Literal != "" {
						if _, err := recipe.Resolve([]byte(recipe.Literal)); err != nil &&
							!strings.Contains(err.Error(), "needs RPMs") {
							t.Error(err)
						}
					}
				}
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
	}
	if images < 1500 || failed > 30 {
		t.Errorf("of %d images, %d have no recipe", images, failed)
	}
}

// printable fails the test where an error would bring control characters to a terminal.
func printable(t *testing.T, err error) {
	t.Helper()
	if strings.ContainsFunc(err.Error()+fault.AdviceOf(err),
		func(c rune) bool { return c < ' ' && c != '\n' || c == 0x7f }) {
		t.Fatalf("the error %q carries control characters", err)
	}
}
