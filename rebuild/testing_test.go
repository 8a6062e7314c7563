package rebuild_test

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"go.podman.io/storage"
	storagetypes "go.podman.io/storage/types"
)

type image = v1.Image

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// layers lists the layers of the playground's storage.
func (p *playground) layers(t *testing.T) []string {
	t.Helper()
	store, err := storage.GetStore(storagetypes.StoreOptions{GraphRoot: filepath.Join(p.storage, "storage"), RunRoot: filepath.Join(p.storage, "run")})
	check(t, err)
	defer func() {
		_, err := store.Shutdown(false)
		check(t, err)
	}()
	layers, err := store.Layers()
	check(t, err)
	var found []string
	for _, layer := range layers {
		found = append(found, layer.ID)
	}
	return found
}

// stored lists the containers of the playground's storage and the images that have no name: a base is pulled by one, what a build leaves
// is not.
func (p *playground) stored(t *testing.T) []string {
	t.Helper()
	store, err := storage.GetStore(storagetypes.StoreOptions{GraphRoot: filepath.Join(p.storage, "storage"), RunRoot: filepath.Join(p.storage, "run")})
	check(t, err)
	defer func() {
		_, err := store.Shutdown(false)
		check(t, err)
	}()
	var found []string
	containers, err := store.Containers()
	check(t, err)
	for _, container := range containers {
		found = append(found, "container "+container.ID)
	}
	images, err := store.Images()
	check(t, err)
	for _, image := range images {
		if len(image.Names) == 0 {
			found = append(found, "image "+image.ID)
		}
	}
	return found
}
