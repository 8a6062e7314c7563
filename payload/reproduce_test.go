package payload_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// TestReproduce makes a payload again from its components, and one to which somebody has added something.
func TestReproduce(t *testing.T) {
	r, seeded := seedSmall(t)
	client := payloadtest.Client(t)
	changed, err := payload.Assemble(t.Context(), client, open(t, seeded.PullSpec),
		[]payload.Change{rebuilt(t, r, component(t, "coredns"))},
		payload.AssembleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := changed.Push(t.Context(), client, r.Host+"/me/release:one")
	if err != nil {
		t.Fatal(err)
	}
	release := open(t, pushed.Image)
	again, err := payload.Assemble(t.Context(), client, release, nil, payload.AssembleOptions{Method: payload.Full})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := again.Differences(release); err != nil || len(list) > 0 {
		t.Errorf("differences %q, %v", list, err)
	}
	if sum, err := again.Digest(); err != nil || sum != pushed.Digest {
		t.Errorf("made again it is %s, %v", sum, err)
	}
	differences, err := again.Differences(open(t, seeded.PullSpec))
	if err != nil || !slices.Contains(differences, "image-references has other content than its component says") {
		t.Errorf("from another payload it differs in %q, %v", differences, err)
	}
	more := small()
	more.Components = append(more.Components, payloadtest.Component{
		Name: "added-operator", Manifests: map[string]string{"0000_99_added.yaml": "kind: A\napiVersion: v1\n"},
	})
	differences, err = again.Differences(open(t, r.Seed(t, more).PullSpec))
	if err != nil || !slices.ContainsFunc(differences,
		func(d string) bool { return strings.HasPrefix(d, "0000_99_added.yaml is in the payload") }) {
		t.Errorf("from a larger payload it differs in %q, %v", differences, err)
	}
}

// TestOrderOfFields compares a release image's manifest with what oc (6b8e30c) writes: other programs take its digest.
func TestOrderOfFields(t *testing.T) {
	r, seeded := seedSmall(t)
	client := payloadtest.Client(t)
	assembly, err := payload.Assemble(t.Context(), client, open(t, seeded.PullSpec),
		[]payload.Change{rebuilt(t, r, component(t, "coredns"))},
		payload.AssembleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := assembly.Push(t.Context(), client, r.Host+"/me/release:order")
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	manifest, _, err := client.Raw(t.Context(), pushed.Image)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(manifest.Data)) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && len(keys) < 9 {
			keys = append(keys, strings.Trim(name, `"`))
		}
	}
	want := []string{"schemaVersion", "mediaType", "config", "mediaType", "digest", "size", "layers",
		"mediaType", "digest"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}
