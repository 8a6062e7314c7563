package playground_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
)

// A real payload comes out of the registry as it went in, but for the digests.
func TestAddPayload(t *testing.T) {
	dir := realdata.Path(t, "payloads/4.12.0/release-manifests")
	p := start(t, playground.Options{})
	const pullspec = "quay.io/openshift-release-dev/ocp-release:4.12.0-x86_64"
	if err := p.AddPayload(t.Context(), dir, pullspec); err != nil {
		t.Fatal(err)
	}
	release, err := p.Release(t.Context(), pullspec)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	digest := regexp.MustCompile(`sha256:[0-9a-f]{64}`)
	for _, entry := range entries {
		want = append(want, entry.Name())
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		// One manifest of the real payload still has the version's placeholder; here nothing may have.
		data = bytes.ReplaceAll(data, []byte("0.0.1-snapshot"), []byte("4.12.0"))
		got := digest.ReplaceAll(release.Files[entry.Name()], []byte("DIGEST"))
		if wanted := digest.ReplaceAll(data, []byte("DIGEST")); !bytes.Equal(bytes.TrimSpace(got),
			bytes.TrimSpace(wanted)) {
			t.Errorf("%s (-real +here):\n%s", entry.Name(), cmp.Diff(string(wanted), string(got)))
		}
	}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(release.Files))); diff != "" {
		t.Errorf("files (-real +here):\n%s", diff)
	}
}
