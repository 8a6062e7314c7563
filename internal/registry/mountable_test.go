package registry_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// A blob of an image that was read is mounted into another repository of its registry, and not sent.
func TestBlobsAreMounted(t *testing.T) {
	server, err := playground.NewRegistry(t.TempDir()) // keeps the blobs of each repository apart
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ref, err := name.NewTag(server.Host+"/from/here:latest", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, some(nil).Build(t)); err != nil {
		t.Fatal(err)
	}
	client := payloadtest.Client(t)
	image, err := client.Image(context.Background(), ref.String())
	if err != nil {
		t.Fatal(err)
	}
	target, err := client.Target(context.Background(), server.Host+"/to/there:latest")
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	server.Requests()
	for _, layer := range image.Layers {
		blob := registry.Blob{Digest: layer.Digest, Size: layer.Size, MediaType: layer.MediaType,
			Open: func(context.Context) (io.ReadCloser, error) { return nil, errors.New("it is read, to be uploaded") }}
		if err := target.Put(context.Background(), blob); err != nil {
			t.Errorf("layer %s: %v", layer.Digest, err)
		}
	}
	if got := server.Requests(); got["MOUNT"] != len(image.Layers) || got["PUT"]+got["PATCH"] != 0 {
		t.Errorf("requests %v, want %d mounts and no upload", got, len(image.Layers))
	}
}
