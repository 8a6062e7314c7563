package payload_test

import (
	"context"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// when is the creation time of what tests seed.
var when = time.Date(2023, 1, 12, 18, 29, 52, 0, time.UTC)

const commit = "40936e7a9159189889c637fa1631f8cbdd5c3c4f"

// labels are the provenance labels of an image built from a repository.
func labels(repository string) map[string]string {
	return map[string]string{"io.openshift.build.commit.id": commit,
		"io.openshift.build.source-location": "https://github.com/openshift/" + repository}
}

// small is a release with three operators and what they run.
func small() payloadtest.Release {
	return payloadtest.Release{Name: "4.12.0", Created: when, Versions: map[string]string{"kubernetes": "1.25.4"},
		Annotations: map[string]string{"release.openshift.io/from-image-stream": "ocp/4.12-art-latest-2023-01-09-095104"},
		Components: []payloadtest.Component{
			{Name: "cli", Labels: labels("oc")},
			{Name: "cluster-dns-operator", Labels: labels("cluster-dns-operator"), Manifests: map[string]string{
				"0000_70_dns_00.yaml": "kind: Namespace\napiVersion: v1\nmetadata:\n  name: dns # stays\n",
				"0000_70_dns_01.yaml": deployment("cluster-dns-operator", "coredns", "cli"),
				"later.yaml": "kind: ConfigMap\napiVersion: v1\ndata: {version: " + payloadtest.Snapshot +
					", kube: 0.0.1-snapshot-kubernetes}\n",
				"0000_70_dns_02-notes.text": "an image: " + payloadtest.Placeholder("coredns") + "\n",
			}, Names: []string{"cli", "cluster-dns-operator", "coredns", "hyperkube"}},
			{Name: "cluster-version-operator", Labels: labels("cluster-version-operator"), Manifests: map[string]string{
				"0000_00_cvo.yaml": deployment("cluster-version-operator"),
			}},
			{Name: "coredns", Labels: labels("coredns")},
			{Name: "hyperkube", Labels: with(labels("kubernetes"), "io.openshift.build.versions", "kubernetes=1.25.4")},
			{Name: "machine-config-operator", Labels: labels("machine-config-operator"), Manifests: map[string]string{
				"0000_80_mco.yaml": deployment("machine-config-operator", "cli"),
			}},
		}}
}

func with(m map[string]string, key, value string) map[string]string {
	m[key] = value
	return m
}

// deployment is a manifest that names images.
func deployment(images ...string) string {
	text := "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: x}\nspec:\n  version: " +
		payloadtest.Snapshot + "\n"
	for _, image := range images {
		text += "  " + image + ": \"" + payloadtest.Placeholder(image) + "\"\n"
	}
	return text
}

// seedSmall pushes the small release to a new registry.
func seedSmall(t *testing.T) (*payloadtest.Registry, payloadtest.Seeded) {
	t.Helper()
	r := payloadtest.NewRegistry(t)
	s := small()
	return r, r.Seed(t, s)
}

func open(t *testing.T, ref string) *payload.Release {
	t.Helper()
	release, err := payload.Open(context.Background(), payloadtest.Client(t), ref)
	if err != nil {
		t.Fatalf("Open(%q): %v", ref, err)
	}
	return release
}

// files returns the release layer as text by name.
func files(t *testing.T, release *payload.Release) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range []string{"image-references", "release-metadata"} {
		file, err := release.File(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(file.Data)
	}
	for _, file := range release.Manifests() {
		all[file.Name] = string(file.Data)
	}
	return all
}
