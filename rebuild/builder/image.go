package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/opencontainers/go-digest"
	imagestorage "go.podman.io/image/v5/storage"
	"go.podman.io/storage"
	"go.podman.io/storage/pkg/archive"

	"github.com/oc-rebuild/oc-rebuild/payload"
)

// Image is an image in local storage.
type Image struct {
	ID       string
	Manifest []byte // as pulled, or as committed
	Config   []byte
	Layers   []Layer // bottom first
}

// Layer is one layer of an image in local storage.
type Layer struct {
	ID     string
	DiffID digest.Digest // of the uncompressed tar
	Size   int64         // of the uncompressed tar, -1 when unknown
}

// Image looks an image up in local storage by ID or name. The error is ErrNotFound when there is none.
func (b *Builder) Image(ctx context.Context, name string) (Image, error) {
	stored, err := b.store.Image(name)
	if errors.Is(err, storage.ErrImageUnknown) {
		return Image{}, fmt.Errorf("image %q: %w", name, ErrNotFound)
	}
	if err != nil {
		return Image{}, fmt.Errorf("looking up image %q: %w", name, err)
	}
	ref, err := imagestorage.Transport.NewStoreReference(b.store, nil, stored.ID)
	if err != nil {
		return Image{}, fmt.Errorf("looking up image %q: %w", name, err)
	}
	closer, err := ref.NewImage(ctx, b.options.SystemContext)
	if err != nil {
		return Image{}, fmt.Errorf("opening image %q: %w", name, err)
	}
	defer closer.Close()
	image := Image{ID: stored.ID}
	if image.Manifest, _, err = closer.Manifest(ctx); err != nil {
		return Image{}, fmt.Errorf("reading the manifest of image %q: %w", name, err)
	}
	if image.Config, err = closer.ConfigBlob(ctx); err != nil {
		return Image{}, fmt.Errorf("reading the config of image %q: %w", name, err)
	}
	if image.Layers, err = b.layers(stored.TopLayer); err != nil {
		return Image{}, fmt.Errorf("listing the layers of image %q: %w", name, err)
	}
	return image, nil
}

// layers follows the parents of a top layer and returns them bottom first.
func (b *Builder) layers(top string) ([]Layer, error) {
	var layers []Layer
	for id := top; id != ""; {
		layer, err := b.store.Layer(id)
		if err != nil {
			return nil, err
		}
		layers = append([]Layer{{ID: layer.ID, DiffID: layer.UncompressedDigest,
			Size: layer.UncompressedSize}}, layers...)
		id = layer.Parent
	}
	return layers, nil
}

// OpenLayer streams a layer as an uncompressed tar whose digest is its DiffID.
func (b *Builder) OpenLayer(layer Layer) (io.ReadCloser, error) {
	uncompressed := archive.Uncompressed
	stream, err := b.store.Diff("", layer.ID, &storage.DiffOptions{Compression: &uncompressed})
	if err != nil {
		return nil, fmt.Errorf("reading layer %s: %w", layer.DiffID, err)
	}
	return stream, nil
}

// Remove deletes an image that nothing else uses.
func (b *Builder) Remove(id string) error {
	if _, err := b.store.DeleteImage(id, true); err != nil {
		return fmt.Errorf("removing image %q: %w", id, err)
	}
	return nil
}

// MaxManifestBytes bounds one file of an image's /manifests; real ones stay far below a mebibyte.
const MaxManifestBytes = 8 << 20

// Manifests returns the regular files at the top level of the image's /manifests, in name order: what an operator
// hands to the cluster version operator. An image without that directory has none. Links are never followed out of
// the image.
func (b *Builder) Manifests(id string) (files []payload.File, err error) {
	err = b.inside(id, func(root *os.Root) error {
		files, err = readManifests(root)
		return err
	})
	return files, err
}

// inside calls use with the file system of an image, which cannot be left through links.
func (b *Builder) inside(id string, use func(*os.Root) error) (err error) {
	mounted, err := b.store.MountImage(id, nil, "")
	if err != nil {
		return fmt.Errorf("mounting image %q: %w", id, err)
	}
	defer func() {
		if _, unmountErr := b.store.UnmountImage(id, false); unmountErr != nil {
			err = errors.Join(err, fmt.Errorf("unmounting image %q: %w", id, unmountErr))
		}
	}()
	root, err := os.OpenRoot(mounted)
	if err != nil {
		return fmt.Errorf("opening image %q: %w", id, err)
	}
	defer root.Close()
	return use(root)
}

// readManifests reads the regular files at the top level of /manifests.
func readManifests(root *os.Root) ([]payload.File, error) {
	var files []payload.File
	info, err := root.Lstat("manifests")
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading /manifests: %w", err)
	}
	entries, err := fs.ReadDir(root.FS(), "manifests")
	if err != nil {
		return nil, fmt.Errorf("reading /manifests: %w", err)
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		file, err := readManifest(root, entry)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

// readManifest reads one file of /manifests, up to MaxManifestBytes.
func readManifest(root *os.Root, entry fs.DirEntry) (payload.File, error) {
	info, err := entry.Info()
	if err != nil {
		return payload.File{}, fmt.Errorf("reading /manifests: %w", err)
	}
	if info.Size() > MaxManifestBytes {
		return payload.File{}, fmt.Errorf("/manifests/%s has %d bytes; %d are the most", entry.Name(),
			info.Size(), MaxManifestBytes)
	}
	data, err := root.ReadFile("manifests/" + entry.Name())
	if err != nil {
		return payload.File{}, fmt.Errorf("reading /manifests/%s: %w", entry.Name(), err)
	}
	return payload.File{Name: entry.Name(), Data: data, ModTime: info.ModTime().UTC()}, nil
}
