package ciconfig_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// tree makes an openshift/release of configs, by ORG/REPO@BRANCH[__VARIANT].
func tree(configs map[string]string) fstest.MapFS {
	files := fstest.MapFS{"ci-operator/config/OWNERS": &fstest.MapFile{Data: []byte("nobody\n")}}
	for name, text := range configs {
		repository, branch, _ := strings.Cut(name, "@")
		org, repo, _ := strings.Cut(repository, "/")
		branch, variant, _ := strings.Cut(branch, "__")
		m := ciconfig.Metadata{Org: org, Repo: repo, Branch: branch, Variant: variant}
		files[m.Path()] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// promoting is a config with images that are promoted to a stream.
func promoting(stream, options string, images ...string) string {
	namespace, name, _ := strings.Cut(stream, "/")
	text := "images:\n"
	for _, image := range images {
		text += "- to: " + image + "\n"
	}
	return text + "promotion:\n  to:\n  - namespace: " + namespace + "\n    name: \"" + name + "\"\n" + options
}

var release = tree(map[string]string{
	"openshift/api@master":                 promoting("ocp/4.18", "", "api"),
	"openshift/api@release-4.17":           promoting("ocp/4.17", "", "api"),
	"openshift/api@release-4.18":           promoting("ocp/4.18", "    disabled: true\n", "api"),
	"openshift/api@release-4.17__okd-scos": promoting("origin/scos-4.17", "", "api"),
	"openshift/api@release-4.17__other":    promoting("elsewhere/x", "", "api", "tool"),
	"openshift/cli@main":                   promoting("ocp/4.17", "", "cli"),
	"openshift/cli@openshift-4.17":         promoting("ocp/4.17", "", "cli"),
	"openshift/cli@fcos":                   promoting("ocp/4.17", "", "cli"),
	"openshift/twin@one":                   promoting("ocp/4.17", "", "twin"),
	"openshift/twin@two":                   promoting("ocp/4.17", "", "twin"),
	"openshift/installer@release-4.17":     promoting("ocp/4.17", "", "installer"),
	"openshift/installer@release-4.17__alt": promoting("ocp/4.17",
		"    additional_images:\n      installer-alt: installer\n    excluded_images: ['*']\n", "installer"),
	"openshift/new@release-4.17":      promoting("ocp/4.17", "", "moved"),
	"openshift/old@release-4.16":      promoting("ocp/4.16", "", "moved"),
	"openshift/broken@release-4.17":   promoting("ocp/4.17", "", "broken") + "base_images: 7\n",
	"openshift/feature@release-4.17":  promoting("ocp/4.17", "", "feature"),
	"openshift/feature@other":         promoting("ocp/4.17", "", "feature"),
	"openshift/json@release-4.17":     `{"images":[{"to":"json"}],"promotion":{"to":[{"namespace":"ocp","name":"4.17"}]}}`,
	"openshift/anchored@release-4.17": "x: &p {to: [{namespace: ocp, name: '4.17'}]}\nimages: [{to: anchored}]\npromotion: *p\n",
	"openshift/liar@release-4.17": promoting("ocp/4.17", "", "liar") +
		"zz_generated_metadata: {org: evil, repo: liar, branch: release-4.17}\n",
	"openshift/liar@release-4.17__okd": promoting("origin/4.17", "", "liar") +
		"zz_generated_metadata: {org: openshift, repo: liar, branch: release-4.17}\n",
	"openshift/unpromoted@release-4.17": "images: [{to: unpromoted}]\n",
})

func TestFind(t *testing.T) {
	ocp, scos := ciconfig.Stream{Namespace: "ocp", Name: "4.17"},
		ciconfig.Stream{Namespace: "origin", Name: "scos-4.17"}
	next := ciconfig.Stream{Namespace: "ocp", Name: "4.18"}
	tests := []struct {
		description string
		query       ciconfig.Query
		want        string // branch, variant and image; "" for an error
		message     string // part of the reason or the error
	}{
		{"the release's branch", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "api", Tag: "api"},
			"release-4.17/api",
			"promotes ocp/4.17:api"},
		{"an enabled promotion before the release's branch",
			ciconfig.Query{Stream: next, Org: "openshift", Repo: "api", Tag: "api"},
			"master/api", "best of 2"},
		{"the payload's branch before an enabled promotion",
			ciconfig.Query{Stream: next, Org: "openshift", Repo: "api", Tag: "api", Ref: "release-4.18"},
			"release-4.18/api", "switched off"},
		{"a payload built outside CI", ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp",
			Name: "4.17-art-latest-2024-01-09-095104"}, Org: "openshift", Repo: "api", Tag: "api"},
			"release-4.17/api", ""},
		{"a payload of another architecture",
			ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp-arm64", Name: "4.17"},
				Org: "openshift", Repo: "api", Tag: "api"}, "release-4.17/api", ""},
		{"a private twin", ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp-priv", Name: "4.17-priv"},
			Org:  "openshift-priv",
			Repo: "api", Tag: "api"}, "release-4.17/api", ""},
		{"an OKD stream", ciconfig.Query{Stream: scos, Org: "openshift", Repo: "api", Tag: "api"},
			"release-4.17__okd-scos/api", ""},
		{"an OKD stream that is built outside CI",
			ciconfig.Query{Stream: ciconfig.Stream{Namespace: "origin", Name: "scos-4.17-art"}, Org: "openshift",
				Repo: "api", Tag: "api"},
			"release-4.17__okd-scos/api", ""},
		{"an OKD image that is mirrored from OCP",
			ciconfig.Query{Stream: scos, Org: "openshift", Repo: "cli", Tag: "cli"},
			"openshift-4.17/cli", "best of 3"},
		{"a branch that is not named after the release",
			ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "cli", Tag: "cli", Ref: "fcos"}, "fcos/cli",
			`the payload names the branch "fcos"`},
		{"a feature branch", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "feature", Tag: "feature",
			Ref: "release-4.17-hotfix"},
			"release-4.17/feature", ""},
		{"an image of another name", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "installer",
			Tag: "installer-alt"},
			"release-4.17__alt/installer", ""},
		{"no repository", ciconfig.Query{Stream: ocp, Tag: "installer"}, "release-4.17/installer", ""},
		{"a config in JSON", ciconfig.Query{Stream: ocp, Tag: "json"}, "release-4.17/json", ""},
		{"a config with anchors", ciconfig.Query{Stream: ocp, Tag: "anchored"}, "release-4.17/anchored", ""},
		{"--image", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "unpromoted", Tag: "whatever",
			Image: "unpromoted"},
			"release-4.17/unpromoted", "--config-image chooses it"},
		{"--image and --variant", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "api", Tag: "api", Image: "tool",
			Variant: "other"}, "release-4.17__other/tool", ""},
		{"--variant", ciconfig.Query{Stream: scos, Org: "openshift", Repo: "api", Tag: "api", Variant: "okd-scos"},
			"release-4.17__okd-scos/api", ""},

		{"two that are equal", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "twin", Tag: "twin"}, "",
			"2 configs promote ocp/4.17:twin, and none is better than the others:\n  ci-operator/config/openshift/twin/openshift-twin-one.yaml (image twin)"},
		{"moved to another repository", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "old", Tag: "moved"}, "",
			"other repositories do:\n  ci-operator/config/openshift/new/openshift-new-release-4.17.yaml"},
		{"not promoted", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "unpromoted", Tag: "unpromoted"}, "",
			"the repository has:\n  ci-operator/config/openshift/unpromoted/openshift-unpromoted-release-4.17.yaml"},
		{"an unknown repository", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "unknown", Tag: "unknown"}, "",
			"the tree has no config for this repository"},
		{"an unknown tag", ciconfig.Query{Stream: ocp, Tag: "unknown"}, "", "no config promotes ocp/4.17:unknown"},
		{"an unknown variant", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "api", Tag: "api", Variant: "nope"},
			"", "no config promotes"},
		{"a broken config", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "broken", Tag: "broken"}, "",
			"openshift-broken-release-4.17.yaml:7: base_images"},
		{"a config of another repository", ciconfig.Query{Stream: ocp, Org: "openshift", Repo: "liar", Tag: "liar"}, "",
			`zz_generated_metadata say "evil/liar@release-4.17"`},
		{"a config of another variant", ciconfig.Query{Stream: ciconfig.Stream{Namespace: "origin",
			Name: "4.17"}, Org: "openshift",
			Repo: "liar", Tag: "liar", Variant: "okd"}, "",
			`the file's place says "openshift/liar@release-4.17 [okd]"`},
		{"a repository that leads out", ciconfig.Query{Stream: ocp, Org: "..", Repo: "..", Tag: "x"}, "",
			`"../.." is not the name of a repository`},
		{"a repository with a slash", ciconfig.Query{Stream: ocp, Org: "a", Repo: "b/../../c", Tag: "x"}, "",
			"is not the name of a repository"},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			match, err := ciconfig.Open(release, "the tree").Find(context.Background(), test.query)
			if test.want == "" {
				if fault.KindOf(err) != fault.Unresolved || !strings.Contains(err.Error(), test.message) {
					t.Fatalf("Find = %v, %v, want an error of class Unresolved with %q", match.Path, err, test.message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := match.Branch + "/" + match.Image
			if match.Variant != "" {
				got = match.Branch + "__" + match.Variant + "/" + match.Image
			}
			if got != test.want || !strings.Contains(match.Reason, test.message) || match.Origin != "the tree" {
				t.Errorf("Find = %s because %q, want %s because %q", got, match.Reason, test.want, test.message)
			}
		})
	}
}

// TestFindSaysWhy asks for what no config of the repository promotes: each config says what it lacks.
func TestFindSaysWhy(t *testing.T) {
	text := promoting("ocp/4.17", "", "one")
	files := tree(map[string]string{
		"o/r@empty":      "",
		"o/r@binary":     "\x00\x01",
		"o/r@optional":   strings.Replace(text, "- to: one", "- to: one\n  optional: true", 1),
		"o/r@excluded":   text + "    excluded_images: [one]\n",
		"o/r@other":      promoting("ocp/4.17", "", "two"),
		"o/r@older":      promoting("ocp/4.16", "", "one"),
		"o/r@tagged":     "images: [{to: one}]\npromotion: {to: [{namespace: ocp, tag: '4.17'}]}\n",
		"o/r@unpromoted": "images: [{to: one}]\n",
		"o/twins@a":      promoting("ocp/4.17", "", "twin"),
		"o/twins@b":      promoting("ocp/4.17", "", "twin"),
		"o/third@a":      promoting("ocp/4.17", "", "twin"),
	})
	find := func(repo, tag string) string {
		_, err := ciconfig.Open(files, "the tree").Find(t.Context(),
			ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp", Name: "4.17"}, Org: "o", Repo: repo, Tag: tag})
		return err.Error()
	}
	want := "the tree: the component \"one\" of o/r: no config promotes ocp/4.17:one; the repository has:"
	for _, line := range []string{
		"binary.yaml: cannot be read: control characters are not allowed",
		"empty.yaml: cannot be read: the file is empty",
		"excluded.yaml: promotes to ocp/4.17, but excludes \"one\"",
		"older.yaml: promotes to ocp/4.16",
		"optional.yaml: promotes to ocp/4.17, but its image \"one\" is optional, and so left out",
		"other.yaml: promotes to ocp/4.17, but has no image \"one\"",
		"tagged.yaml: promotes to ocp/…:4.17",
		"unpromoted.yaml: promotes nothing",
	} {
		want += "\n  ci-operator/config/o/r/o-r-" + line
	}
	if diff := cmp.Diff(want, find("r", "one")); diff != "" {
		t.Error(diff)
	}
	if got := find("twins", "twin"); strings.Contains(got, "other repositories") {
		t.Error(got)
	}
}

func TestFindAdvises(t *testing.T) {
	_, err := ciconfig.Open(release, "the tree").Find(context.Background(),
		ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp", Name: "4.17"}, Org: "openshift",
			Repo: "twin", Tag: "twin"})
	for _, flag := range []string{"--config", "--config-image", "--variant"} {
		if !strings.Contains(fault.AdviceOf(err), flag) {
			t.Errorf("the advice %q does not name %s", fault.AdviceOf(err), flag)
		}
	}
	_, err = ciconfig.Open(fstest.MapFS{}, "nothing").Find(context.Background(), ciconfig.Query{Tag: "x"})
	if fault.KindOf(err) != fault.Unresolved || !strings.Contains(fault.AdviceOf(err), "--release-repo") {
		t.Errorf("an empty tree gives %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = ciconfig.Open(release, "the tree").Find(ctx,
		ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp", Name: "4.17"}, Tag: "api"}); !errors.Is(err,
		context.Canceled) {
		t.Errorf("an interrupted search gives %v", err)
	}
}

// countingFS counts the files that are opened.
type countingFS struct {
	fs.FS
	opened map[string]int
}

func (c countingFS) Open(name string) (fs.File, error) {
	c.opened[name]++
	return c.FS.Open(name)
}

// TestFindReadsOneRepository must not look into the rest of a tree when the payload names the repository.
func TestFindReadsOneRepository(t *testing.T) {
	files := countingFS{release, map[string]int{}}
	_, err := ciconfig.Open(files, "the tree").Find(context.Background(),
		ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp", Name: "4.17"}, Org: "openshift",
			Repo: "api", Tag: "api"})
	if err != nil {
		t.Fatal(err)
	}
	for name := range files.opened {
		if strings.HasSuffix(name, ".yaml") && !strings.Contains(name, "/api/") {
			t.Errorf("%s was opened", name)
		}
	}
}

// TestFindTogether asks one tree for everything at once.
func TestFindTogether(t *testing.T) {
	tree := ciconfig.Open(release, "the tree")
	ocp := ciconfig.Stream{Namespace: "ocp", Name: "4.17"}
	var group sync.WaitGroup
	for range 4 {
		for _, query := range []ciconfig.Query{{Tag: "api", Org: "openshift", Repo: "api"}, {Tag: "installer"},
			{Tag: "cli"}, {Tag: "json"}} {
			query.Stream = ocp
			group.Go(func() {
				if _, err := tree.Find(context.Background(), query); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
}

// TestTreeStaysInside reads a tree whose files are links that lead out of it, a named pipe, and a directory with a
// config's name.
func TestTreeStaysInside(t *testing.T) {
	directory := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret.yaml")
	write(t, outside, promoting("ocp/4.17", "", "secret"))
	repository := filepath.Join(directory, "ci-operator", "config", "openshift", "x")
	write(t, filepath.Join(repository, "openshift-x-main.yaml"), promoting("ocp/4.17", "", "x"))
	if err := os.Symlink(outside, filepath.Join(repository, "openshift-x-secret.yaml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(repository, "openshift-x-directory.yaml"), 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	tree := ciconfig.Open(root.FS(), "the tree")
	for _, query := range []ciconfig.Query{{Tag: "secret"}, {Tag: "secret", Org: "openshift", Repo: "x"}} {
		query.Stream = ciconfig.Stream{Namespace: "ocp", Name: "4.17"}
		if match, err := tree.Find(context.Background(), query); fault.KindOf(err) != fault.Unresolved {
			t.Errorf("Find = %+v, %v: a link leads out of the tree", match, err)
		}
	}
	match, err := tree.Find(context.Background(),
		ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp", Name: "4.17"}, Tag: "x"})
	if err != nil || match.Image != "x" {
		t.Errorf("Find = %+v, %v", match, err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLoad(t *testing.T) {
	name := filepath.Join(t.TempDir(), "openshift", "x", "openshift-x-main.yaml")
	write(t, name, "images: [{to: x}]\n")
	config, err := ciconfig.Load(name)
	if want := (ciconfig.Metadata{Org: "openshift", Repo: "x", Branch: "main"}); err != nil || config.Metadata != want {
		t.Errorf("Load = %+v, %v", config, err)
	}
	for _, bad := range []string{name + ".missing", filepath.Dir(name), "/dev/zero"} {
		if _, err := ciconfig.Load(bad); fault.KindOf(err) != fault.Unresolved {
			t.Errorf("Load(%q): %v", bad, err)
		}
	}
}

func TestSelect(t *testing.T) {
	config := parse(t,
		"base_images: {base: {namespace: a, name: b, tag: c}}\nimages: [{to: x}, {to: y}, {to: z, optional: true}]\npromotion: {to: [{namespace: ocp, name: '4.17', additional_images: {two: y}}, {namespace: ocp, name: '4.18', additional_images: {three: x}}, {namespace: q, name: r, additional_images: {three: y}}]}\n")
	stream := ciconfig.Stream{Namespace: "ocp", Name: "4.17"}
	tests := []struct{ tag, image, want string }{
		{"x", "", "x"}, {"two", "", "y"}, {"z", "", "z"}, {"anything", "y", "y"}, {"three", "", ""},
		{"nothing", "", ""},
		{"x", "nothing", ""}, {"x", "base", ""},
	}
	for _, test := range tests {
		match, err := config.Select(ciconfig.Query{Stream: stream, Tag: test.tag, Image: test.image})
		if match.Image != test.want || (err != nil) != (test.want == "") {
			t.Errorf("Select(%q, %q) = %q, %v, want %q", test.tag, test.image, match.Image, err, test.want)
		}
		if err != nil && (fault.KindOf(err) != fault.Unresolved ||
			!strings.Contains(err.Error()+fault.AdviceOf(err), "x, y, z")) {
			t.Errorf("Select(%q, %q): %v does not list the images", test.tag, test.image, err)
		}
	}
}
