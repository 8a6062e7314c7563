package payload_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

func TestInfo(t *testing.T) {
	r, seeded := seedSmall(t)
	r.Reset()
	release := open(t, seeded.Tagged)
	if requests, _ := r.Reset(); len(requests) > 4 {
		t.Errorf("%d requests to open a release, want at most 4: %v", len(requests), requests)
	}
	info := release.Info()
	if want := map[string]payload.Version{"kubernetes": {Version: "1.25.4"}}; !cmp.Equal(info.DisplayVersions, want) ||
		info.VersionsTags["kubernetes"] != "hyperkube" {
		t.Errorf("versions %v of %v", info.DisplayVersions, info.VersionsTags)
	}
	if manifests, others := release.ManifestCount(); manifests != 5 || others != 1 {
		t.Errorf("%d manifests and %d other files, want 5 and 1", manifests, others)
	}
	if release.Platform() != "linux/amd64" || info.Digest != release.Digest {
		t.Errorf("platform %s, digest %s", release.Platform(), info.Digest)
	}
	images, err := release.Images(context.Background(), payloadtest.Client(t), 0)
	if err != nil {
		t.Fatal(err)
	}
	info.Images = images
	data, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := json.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"image", "digest", "contentDigest", "listDigest", "config", "metadata",
		"references", "versions",
		"displayVersions", "versionsTags", "images", "warnings"} {
		if _, ok := keys[key]; !ok {
			t.Errorf("the json lacks %q", key)
		}
	}
	sizes := payload.Measure(images)
	if len(sizes.Images) != 6 || sizes.Bases != 1 || sizes.Layers != 1+6+3 || sizes.Images[0].Name != "cli" ||
		sizes.Images[0].Unique != images["cli"].Layers[1].Size {
		t.Errorf("sizes %+v", sizes)
	}
}

// TestVerifyFindsADamagedImage makes the registry answer for one component with another manifest.
func TestVerifyFindsADamagedImage(t *testing.T) {
	r, seeded := seedSmall(t)
	release := open(t, seeded.PullSpec)
	_, digest, _ := strings.Cut(seeded.Images["coredns"], "@")
	r.Fail(func(w http.ResponseWriter, request *http.Request) bool {
		if !strings.HasSuffix(request.URL.Path, digest) {
			return false
		}
		w.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
		_, _ = w.Write([]byte(`{"schemaVersion":2}`))
		return true
	})
	if _, err := release.Images(context.Background(), payloadtest.Client(t), 0); err == nil ||
		!strings.Contains(err.Error(), `"coredns"`) || !strings.Contains(err.Error(), "tampered") {
		t.Errorf("Images: %v", err)
	}
}

func TestCompare(t *testing.T) {
	r, seeded := seedSmall(t)
	old := open(t, seeded.PullSpec)
	client := payloadtest.Client(t)
	changed := rebuilt(t, r, component(t, "coredns"))
	same := component(t, "cli").Image(when.Add(time.Hour))
	same.Layers[1]["usr/bin/oc"] = "rebuilt from the same commit"
	changes := []payload.Change{changed, {Component: "cli", Image: r.Push(t, "me/components", "cli", same.Build(t))}}
	pushed, err := assemble(t, old, changes, payload.AssembleOptions{}).Push(context.Background(), client,
		r.Host+"/me/release:diff")
	if err != nil {
		t.Fatal(err)
	}
	d := payload.Compare(old, open(t, pushed.Image))
	if len(d.Images) != 2 || d.Images["coredns"].Rebuilt() || !d.Images["cli"].Rebuilt() || d.Upgrades() {
		t.Errorf("images %+v", d.Images)
	}
	if url := d.Images["coredns"].CommitsURL(); url != "https://github.com/openshift/coredns/compare/"+commit+"..."+strings.Repeat("ab", 20) {
		t.Errorf("commits of coredns: %s", url)
	}
	text, err := d.Unified()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--- a/0000_70_dns_01.yaml\n+++ b/0000_70_dns_01.yaml\n",
		"-  coredns: \"" + seeded.Images["coredns"] + "\"\n", "+  coredns: \"" + changed.Image + "\"\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the diff lacks %q:\n%s", want, text)
		}
	}
	if same := payload.Compare(old, old); len(same.Images)+len(same.Manifests) != 0 {
		t.Errorf("a release differs from itself: %+v", same)
	}
}
