package changelog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
	"github.com/oc-rebuild/oc-rebuild/rebuild/changelog"
)

var when = time.Date(2024, 9, 2, 10, 15, 23, 0, time.UTC)

// histories has a log for each repository.
type histories map[string]gitsrc.Log

func (h histories) Log(_ context.Context, repository, _, _ string) (gitsrc.Log, error) {
	log, ok := h[repository]
	if !ok {
		return gitsrc.Log{}, errors.New("no such repository")
	}
	return log, nil
}

// gateFile is a manifest with feature gates; each is a name, with a minus before it where it is disabled.
func gateFile(profile, set string, names ...string) string {
	lists := map[bool]string{}
	for _, name := range names {
		name, off := strings.CutPrefix(name, "-")
		lists[!off] += "{name: " + name + "}, "
	}
	return fmt.Sprintf("apiVersion: config.openshift.io/v1\nkind: FeatureGate\nmetadata: {name: cluster, annotations: {include.release.openshift.io/%s: "+
		"false-except-for-the-config-operator}}\nspec: {featureSet: %s}\nstatus: {featureGates: [{version: \"\", enabled: [%s], disabled: [%s]}]}\n",
		profile, set, lists[true], lists[false])
}

// source labels an image with its source.
func source(repository, commit string) map[string]string {
	return map[string]string{"io.openshift.build.source-location": repository,
		"io.openshift.build.commit.id": strings.Repeat(commit, 40)}
}

func diff(t *testing.T, from, to payloadtest.Release) payload.Diff {
	t.Helper()
	r := payloadtest.NewRegistry(t)
	var opened []*payload.Release
	for _, release := range []payloadtest.Release{from, to} {
		release.Created = when
		one, err := payload.Open(context.Background(), payloadtest.Client(t), r.Seed(t, release).PullSpec)
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, one)
	}
	return payload.Compare(opened[0], opened[1])
}

func TestDocument(t *testing.T) {
	const highly, hyper = "self-managed-high-availability", "ibm-cloud-managed"
	d := diff(t, payloadtest.Release{Name: "4.17.0", Components: []payloadtest.Component{
		{Name: "cluster-version-operator", Labels: source("https://github.com/openshift/cvo", "a"),
			Manifests: map[string]string{
				"featureGate-default.yaml": gateFile(highly, "", "Same", "-Grows", "Goes"),
				"featureGate-hyper.yaml":   gateFile(hyper, "", "Same"),
			}},
		{Name: "gone", Labels: source("https://github.com/openshift/gone", "a")},
		{Name: "moved", Labels: source("https://github.com/openshift/old", "a")},
		{Name: "private", Labels: source("https://git.example.org/private", "a")},
	}}, payloadtest.Release{Name: "4.17.1", Components: []payloadtest.Component{
		{Name: "cluster-version-operator", Labels: source("https://github.com/openshift/cvo", "b"),
			Manifests: map[string]string{
				"featureGate-default.yaml": gateFile(highly, "", "Same", "Grows", "-New"),
				"featureGate-tech.yaml":    gateFile(highly, "TechPreviewNoUpgrade", "Same", "Grows", "New"),
				"featureGate-custom.yaml":  gateFile(highly, "CustomNoUpgrade", "Other"),
			}},
		{Name: "moved", Labels: source("https://github.com/openshift/new", "b")},
		{Name: "fresh", Labels: source("https://github.com/openshift/fresh", "c")},
		{Name: "private", Labels: source("https://git.example.org/private", "b")},
	}})
	logs, err := changelog.Read(context.Background(), histories{
		"https://github.com/openshift/cvo": {Changes: []gitsrc.Change{{Subject: "a pull request", Pull: 7,
			Bugs: []string{"OCPBUGS-1", "12"}},
			{Subject: "a commit", Commit: "1234567890", Bugs: []string{"MCO-5"}}}, Elided: 3},
	}, d)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := changelog.WriteMarkdown(&text, d, logs); err != nil {
		t.Fatal(err)
	}
	_, fresh, _ := strings.Cut(d.Images["fresh"].To.Image, "@")
	for _, want := range []string{
		"### FeatureGate Changes\n\n| FeatureGate | Default<br/>Hypershift | Default<br/>SelfManagedHA | TechPreviewNoUpgrade<br/>SelfManagedHA |\n",
		"\n| Goes | Not Available<br/>(Changed) | Unconditionally Enabled<br/>(Changed) | Unconditionally Enabled<br/>(New) |\n",
		"\n| Grows | Not Available<br/>(Changed) | Enabled<br/>(Changed) | Enabled<br/>(New) |\n",
		"\n| New | Not Available<br/>(Changed) |  | Enabled<br/>(New) |\n",
		"### New images\n\n* [fresh](https://github.com/openshift/fresh) git [cccccccc](https://github.com/openshift/fresh/commit/" +
			strings.Repeat("c", 40) + ") `" + fresh + "`\n",
		"### Removed images\n\n* gone\n",
		"### [cluster-version-operator](https://github.com/openshift/cvo/tree/" + strings.Repeat("b", 40) + ")\n",
		"* [12](https://bugzilla.redhat.com/show_bug.cgi?id=12): a pull request [#7](https://github.com/openshift/cvo/pull/7)\n",
		"a commit [12345678](https://github.com/openshift/cvo/commit/12345678)\n* And 3 commits that name no pull request\n",
		"### private\n\n* The history cannot be shown: no such repository\n* https://git.example.org/private from aaaaaaaa to bbbbbbbb\n",
	} {
		if !strings.Contains(strings.ReplaceAll(text.String(),
			"[OCPBUGS-1](https://issues.redhat.com/browse/OCPBUGS-1), ", ""), want) {
			t.Errorf("the change log lacks %q:\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "| Same |") || strings.Contains(text.String(), "CustomNoUpgrade") {
		t.Errorf("the change log has gates that are the same:\n%s", text.String())
	}
	want := map[string]map[string]string{"Hypershift": {"Default": "Not Available (Changed)"},
		"SelfManagedHA": {"Default": "Disabled (New)", "TechPreviewNoUpgrade": "Enabled (New)"}}
	gates := changelog.Describe(d, logs).FeatureGates
	if len(gates) != 3 || gates[2].Name != "New" {
		t.Fatalf("the document has the gates %v", gates)
	}
	if diff := cmp.Diff(want, gates[2].Status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	var keys []string
	for _, bug := range changelog.Bugs(logs) {
		keys = append(keys, bug.Key)
	}
	if diff := cmp.Diff([]string{"12", "OCPBUGS-1"}, keys); diff != "" {
		t.Errorf("bugs (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		"moved": "https://github.com/openshift/old/commit/" + strings.Repeat("a", 40) +
			" -> https://github.com/openshift/new/commit/" + strings.Repeat("b", 40),
		"private": "https://git.example.org/private " + strings.Repeat("a", 40) + " " + strings.Repeat("b", 40),
	} {
		if got := d.Images[name].CommitsURL(); got != want {
			t.Errorf("the commits of %s are %q, want %q", name, got, want)
		}
	}
}
