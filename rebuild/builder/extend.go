package builder

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"go.podman.io/storage"
)

// Extend makes an image that has what another one has, and what fill writes into target, a directory in it: relative to
// the image's working directory, or with a slash in front. Nothing is known about the new layer but its files, so that
// the image can begin a stage that is only copied from, and cannot be pushed. It is named, and found by Stage.
func (b *Builder) Extend(image Image, name, target string, fill func(*os.Root) error) (id string, err error) {
	config := map[string]any{}
	if err := json.Unmarshal(image.Config, &config); err != nil {
		return "", fmt.Errorf("reading the config of image %q: %w", image.ID, err)
	}
	if !path.IsAbs(target) {
		inner, _ := config["config"].(map[string]any)
		directory, _ := inner["WorkingDir"].(string)
		target = path.Join("/", directory, target)
	}
	mine := layerMark + b.store.run + "/" + rand.Text() // until there is an image of it
	marker, err := nothing(mine)
	if err != nil {
		return "", fmt.Errorf("making a layer: %w", err)
	}
	layer, _, err := b.store.PutLayer("", image.Layers[len(image.Layers)-1].ID, []string{mine}, "", true, nil,
		bytes.NewReader(marker))
	if err != nil {
		return "", fmt.Errorf("making a layer: %w", err)
	}
	err = b.fill(layer.ID, strings.TrimPrefix(path.Clean(target), "/"), fill)
	if err == nil {
		config["comment"] = mine // another image, of an ID that no other has
		var data []byte
		if data, err = json.Marshal(config); err == nil {
			id, err = b.record(image.Layers, layer.ID, []string{name}, data)
		}
	}
	if err != nil {
		return "", fmt.Errorf("extending image %q: %w", image.ID, errors.Join(err, b.store.DeleteLayer(layer.ID)))
	}
	return id, b.store.RemoveNames(layer.ID, []string{mine})
}

// nothing is a tar of no files, and of no other tar's digest. A layer of which the storage knows no digest would make
// every list of the storage's images fail, buildah's too; one that has the digest of another layer would be taken for
// that.
func nothing(unique string) ([]byte, error) {
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	header := tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "pax_global_header",
		PAXRecords: map[string]string{"comment": unique}}
	if err := w.WriteHeader(&header); err != nil {
		return nil, err
	}
	err := w.Close()
	return data.Bytes(), err
}

// layerMark begins the name of a layer that is not an image's yet; the name of the run follows.
const layerMark = "oc-rebuild-layer/"

// deleteLayers deletes the layers of some runs that are no image's.
func (b *Builder) deleteLayers(of func(run string) bool) error {
	layers, err := b.store.Layers()
	if err != nil {
		return fmt.Errorf("listing the layers of the storage: %w", err)
	}
	for _, layer := range layers {
		for _, name := range layer.Names {
			run, ours := strings.CutPrefix(name, layerMark)
			if run, _, _ = strings.Cut(run, "/"); !ours || !of(run) {
				continue
			}
			_, _ = b.store.Unmount(layer.ID, true) // it may not be mounted
			if err := b.store.DeleteLayer(layer.ID); err != nil && !errors.Is(err, storage.ErrLayerUsedByImage) {
				return fmt.Errorf("deleting a layer of a run that was killed: %w", err)
			}
		}
	}
	return nil
}

// fill mounts a layer, and lets a directory in it be filled.
func (b *Builder) fill(layer, target string, fill func(*os.Root) error) (err error) {
	mounted, err := b.store.Mount(layer, "")
	if err != nil {
		return err
	}
	defer func() {
		_, unmountErr := b.store.Unmount(layer, false)
		err = errors.Join(err, unmountErr)
	}()
	root, err := os.OpenRoot(mounted)
	if err != nil {
		return err
	}
	defer root.Close()
	if target == "" {
		return fill(root)
	}
	if err := root.MkdirAll(target, 0o755); err != nil {
		return err
	}
	inside, err := root.OpenRoot(target)
	if err != nil {
		return err
	}
	defer inside.Close()
	return fill(inside)
}

// Stage returns the ID of an image that Build or Extend made. The error is ErrNotFound where there is none of that
// name.
func (b *Builder) Stage(_ context.Context, name string) (id string, err error) {
	image, err := b.store.Image(name)
	if errors.Is(err, storage.ErrImageUnknown) {
		return "", fmt.Errorf("image %q: %w", name, ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("looking up image %q: %w", name, err)
	}
	return image.ID, nil
}
