package builder

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"go.podman.io/buildah"
	"go.podman.io/buildah/define"
	"go.podman.io/storage/pkg/archive"
	"go.podman.io/storage/pkg/chrootarchive"
)

// Flatten makes one layer of all that an image has above a base that it was built on, and returns the new image: the
// one that a build would have made that had not been stopped and taken up again. For that the layers are unpacked
// over the base one after the other, and the storage driver tells the difference, as it does after any build. The
// given image is removed.
func (b *Builder) Flatten(ctx context.Context, image, base Image, timestamp time.Time) (Image, error) {
	defer killChildrenWhenDone(ctx)()
	flat, err := b.flatten(ctx, image, base, timestamp)
	if err != nil {
		return Image{}, fmt.Errorf("making one layer of image %q: %w", image.ID, err)
	}
	if flat.ID == image.ID {
		return flat, nil
	}
	return flat, b.Remove(image.ID)
}

func (b *Builder) flatten(ctx context.Context, image, base Image, timestamp time.Time) (Image, error) {
	if len(image.Layers) <= len(base.Layers) {
		return image, nil
	}
	history, err := flatHistory(image.Config, base.Config, timestamp)
	if err != nil {
		return Image{}, err
	}
	committed, err := b.replay(ctx, image.Layers[len(base.Layers):], base, timestamp)
	if err != nil {
		return Image{}, err
	}
	defer b.Remove(committed.ID) //nolint:errcheck // the new image has its layer; a second name of it costs nothing
	config, err := withRootFS(history, committed.Layers)
	if err != nil {
		return Image{}, err
	}
	return b.compose(ctx, committed.Layers, config)
}

// replay unpacks layers over a base, in a container, and commits that.
func (b *Builder) replay(ctx context.Context, layers []Layer, base Image, timestamp time.Time) (made Image, err error) {
	container, err := buildah.NewBuilder(ctx, b.store, buildah.BuilderOptions{
		FromImage: base.ID, PullPolicy: define.PullNever, SystemContext: b.options.SystemContext,
		Isolation: b.isolation.Kind, DefaultMountsFilePath: os.DevNull, NetworkInterface: noNetwork{},
		CommonBuildOpts: &define.CommonBuildOptions{},
	})
	if err != nil {
		return Image{}, err
	}
	defer func() { err = errors.Join(err, container.Delete()) }()
	mounted, err := container.Mount("")
	if err != nil {
		return Image{}, err
	}
	for _, layer := range layers {
		if err := b.unpack(layer, mounted); err != nil {
			return Image{}, err
		}
	}
	id, _, _, err := container.Commit(ctx, nil, buildah.CommitOptions{
		PreferredManifestType: define.Dockerv2ImageManifest, SystemContext: b.options.SystemContext,
		HistoryTimestamp: &timestamp,
	})
	if err != nil {
		return Image{}, err
	}
	return b.Image(ctx, id)
}

// unpack brings a directory into the state that a layer describes. A directory that the layer made anew is made anew:
// to empty it instead would leave other marks in the difference.
func (b *Builder) unpack(layer Layer, directory string) error {
	fresh, err := b.opaque(layer)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range fresh {
		if err := errors.Join(root.RemoveAll(name), root.Mkdir(name, 0o755)); err != nil {
			return fmt.Errorf("making %q anew: %w", name, err)
		}
	}
	stream, err := b.OpenLayer(layer)
	if err != nil {
		return err
	}
	defer stream.Close()
	one, err := OneIdentity()
	if err != nil {
		return err
	}
	if _, err := chrootarchive.ApplyUncompressedLayer(directory, stream,
		&archive.TarOptions{IgnoreChownErrors: one}); err != nil {
		return fmt.Errorf("unpacking layer %s: %w", layer.DiffID, err)
	}
	return nil
}

// opaque lists the directories of a layer that hide what is below them, the upper ones first.
func (b *Builder) opaque(layer Layer) ([]string, error) {
	stream, err := b.OpenLayer(layer)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	var found []string
	for reader := tar.NewReader(stream); ; {
		header, err := reader.Next()
		if err == io.EOF {
			// A tar ends before its stream does. Closed there, it leaves a goroutine of containers/storage that reads
			// nothing for ever, and takes a processor for it.
			_, err = io.Copy(io.Discard, stream)
			slices.SortFunc(found, func(a, b string) int { return len(a) - len(b) })
			return found, err
		}
		if err != nil {
			return nil, fmt.Errorf("reading layer %s: %w", layer.DiffID, err)
		}
		if path.Base(header.Name) == archive.WhiteoutOpaqueDir {
			found = append(found, filepath.FromSlash(strings.TrimPrefix(path.Dir(path.Clean("/"+header.Name)), "/")))
		}
	}
}

// flatHistory returns the config of an image with a history in which what was done after its base made one layer, at
// its end, at the given time.
func flatHistory(config, base []byte, timestamp time.Time) (map[string]json.RawMessage, error) {
	var below struct{ History []json.RawMessage }
	var fields map[string]json.RawMessage
	var history []map[string]json.RawMessage
	err := errors.Join(json.Unmarshal(base, &below), json.Unmarshal(config, &fields))
	if fields["history"] == nil && err == nil {
		return fields, nil // the base has none either
	}
	if err == nil {
		err = json.Unmarshal(fields["history"], &history)
	}
	if err != nil {
		return nil, fmt.Errorf("parsing the config: %w", err)
	}
	created, err := json.Marshal(timestamp.UTC())
	if err != nil {
		return nil, err
	}
	later := false
	for i := len(history) - 1; i >= len(below.History); i-- {
		history[i]["created"] = created
		if i > len(below.History) {
			delete(history[i], "comment") // the name of the image with which the build went on
		}
		if _, empty := history[i]["empty_layer"]; !empty && later {
			history[i]["empty_layer"] = json.RawMessage("true")
		} else if !empty {
			later = true
		}
	}
	fields["history"], err = json.Marshal(history)
	return fields, err
}

// withRootFS returns a config that names layers.
func withRootFS(fields map[string]json.RawMessage, layers []Layer) ([]byte, error) {
	sums := make([]digest.Digest, len(layers))
	for i, layer := range layers {
		sums[i] = layer.DiffID
	}
	var err error
	fields["rootfs"], err = json.Marshal(struct {
		Type    string          `json:"type"`
		DiffIDs []digest.Digest `json:"diff_ids"`
	}{"layers", sums})
	if err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}
