package registry_test

import (
	"context"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// TestTargetsElsewhere writes an image to places that are no registries, and reads it there.
func TestTargetsElsewhere(t *testing.T) {
	f, client := newFront(t), payloadtest.Client(t)
	image := f.image(t, client)
	for _, ref := range []string{"oci:" + t.TempDir() + "/layout:tag", "dir:" + t.TempDir()} {
		target, err := client.Target(context.Background(), ref)
		check(t, err)
		manifest, err := image.Send(context.Background(), target, false)
		check(t, err)
		sum, err := target.Commit(context.Background(), manifest)
		check(t, err)
		check(t, target.Verify(context.Background(), sum))
		check(t, target.Close())
		got, err := payloadtest.Client(t).Image(context.Background(), ref)
		if err != nil || got.Digest != image.Digest || len(got.Layers) != 3 {
			t.Errorf("%s: %+v, %v", ref, got, err)
			continue
		}
		if text, err := read(context.Background(), got); err != nil || text == "" {
			t.Errorf("%s: reading a layer: %q, %v", ref, text, err)
		}
		wrong := registry.Bytes([]byte("something"), "", false)
		wrong.Digest = image.Digest
		if err := putBlob(context.Background(), client, ref, wrong); err == nil {
			t.Errorf("%s took content that does not have its digest", ref)
		}
	}
}
