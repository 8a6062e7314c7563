package payload_test

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// seedReal pushes the real release 4.12.0 to a new registry.
func seedReal(t testing.TB) (payloadtest.Real, payloadtest.Release, *payloadtest.Registry, payloadtest.Seeded) {
	t.Helper()
	real := payloadtest.ReadReal(t, realdata.Path(t, "payloads", "4.12.0", "release-manifests"))
	release := real.Release(t)
	r := payloadtest.NewRegistry(t)
	return real, release, r, r.Seed(t, release)
}

// derived lists the files of 4.12.0 that a full extraction does not give byte for byte, with the reason.
func derived() map[string]string {
	return map[string]string{
		"0000_50_installer_coreos-bootimages.yaml": "the oc of 2023 left 0.0.1-snapshot in the files of an operator without image-references; " +
			"today's oc, and this package, put the version of the release there",
	}
}

// TestRealRelease does with the real release 4.12.0 what the other tests do with small ones.
func TestRealRelease(t *testing.T) {
	real, release, r, seeded := seedReal(t)
	t.Run("byte for byte", func(t *testing.T) { realByteForByte(t, real, seeded) })
	t.Run("cost", func(t *testing.T) { realCost(t, release, r, seeded) })
	t.Run("any set", func(t *testing.T) { anySets(t, release, seeded, 12) })
	t.Run("one at a time", func(t *testing.T) { realOneAtATime(t, release, r, seeded) })
}

// realByteForByte extracts all manifests of the real release again from its (seeded) images: every file equals the
// real one, byte for byte, once the registry's pull specs are written back. Only those may differ that derived lists.
func realByteForByte(t *testing.T, real payloadtest.Real, seeded payloadtest.Seeded) {
	release := open(t, seeded.PullSpec)
	assembly, err := payload.Assemble(context.Background(), payloadtest.Client(t), release, nil,
		payload.AssembleOptions{Method: payload.Full})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, file := range assembly.Files() {
		got[file.Name] = real.Original(seeded, string(file.Data))
	}
	if len(got) != 646 || len(release.Components()) != 183 {
		t.Errorf("%d files and %d components, want 646 and 183", len(got), len(release.Components()))
	}
	want := maps.Clone(real.Files)
	for name, reason := range derived() {
		if want[name] == got[name] {
			t.Errorf("%s does not differ, although %s", name, reason)
		}
		want[name] = strings.ReplaceAll(want[name], payloadtest.Snapshot, "4.12.0")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-real +assembled):\n%s", diff)
	}
}

// realOneAtATime replaces each of the 183 components of the real 4.12.0, one at a time, both ways. The files are the
// same, and they are the seeded ones but for the component's own pull spec; where delta refuses, it names its rule.
func realOneAtATime(t *testing.T, seed payloadtest.Release, r *payloadtest.Registry, seeded payloadtest.Seeded) {
	client := payloadtest.Client(t)
	release := open(t, seeded.PullSpec)
	cache, err := payload.OpenCache(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	refused := map[string]string{}
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for _, c := range seed.Components {
		image := c.Image(seed.Created.Add(time.Hour))
		image.Layers[1]["usr/bin/"+c.Name] = "rebuilt"
		change := payload.Change{Component: c.Name, Image: r.Push(t, "me/rebuilt", c.Name, image.Build(t))}
		assemble := func(method payload.Method) (map[string]string, error) {
			assembly, err := payload.Assemble(context.Background(), client, release, []payload.Change{change},
				payload.AssembleOptions{Method: method, Cache: cache, SkipManifestCheck: true})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			if method == "" && assembly.Method == payload.Full {
				mu.Lock()
				refused[c.Name] = assembly.Reason
				mu.Unlock()
			}
			got := map[string]string{}
			for _, file := range assembly.Files() {
				got[file.Name] = string(file.Data)
			}
			return got, nil
		}
		group.Go(func() error {
			delta, err := assemble("")
			if err != nil {
				return err
			}
			full, err := assemble(payload.Full)
			if !maps.Equal(delta, full) {
				t.Errorf("%s: delta and full differ (-delta +full):\n%s", c.Name, cmp.Diff(delta, full))
			}
			for name, content := range seeded.Files {
				if want := strings.ReplaceAll(content, seeded.Images[c.Name],
					change.Image); name != "image-references" && delta[name] != want {
					t.Errorf("%s: %s differs (-want +got):\n%s", c.Name, name, cmp.Diff(want, delta[name]))
				}
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"cluster-version-operator": "the release image is based on cluster-version-operator"}
	if diff := cmp.Diff(want, refused); diff != "" {
		t.Errorf("delta was refused for %v (-want +got):\n%s", slices.Sorted(maps.Keys(refused)), diff)
	}
}
