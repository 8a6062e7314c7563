package payload

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// labelOperator marks an image that brings manifests. Any value but the empty one counts, as in oc.
const labelOperator = "io.openshift.release.operator"

// Limits of /manifests in a component image.
const (
	maxManifests     = 10_000    // files
	maxManifestBytes = 256 << 20 // bytes of all files together
)

// contents is what a payload takes from a component image: labels, and the files at the top level of /manifests.
type contents struct {
	Labels    map[string]string
	Created   time.Time
	Manifests []File // sorted by name
	// Bare are the layers below the one that the manifests came from. They are taken to have none, as oc takes it: an
	// image that replaces this one, on the same base, need not read them again.
	Bare []digest.Digest
}

func (c contents) operator() bool { return c.Labels[labelOperator] != "" }

// manifests returns what an operator contributes to a release: its files but for image-references.
func (c contents) manifests() []File {
	if !c.operator() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(c.Manifests), func(f File) bool { return f.Name == fileReferences })
}

// file returns a file of /manifests.
func (c contents) file(name string) (File, bool) {
	i, ok := slices.BinarySearchFunc(c.Manifests, name,
		func(f File, name string) int { return strings.Compare(f.Name, name) })
	if !ok {
		return File{}, false
	}
	return c.Manifests[i], true
}

// readContents reads a component image. Manifests are read only of operators: from the top layer, as oc does, or from
// all layers where the image replaces a release's own (it may have been built in any way), or where the top layer has
// none. Layers that are known to be bare are left out.
func readContents(ctx context.Context, c *registry.Client, spec string, override bool,
	bare []digest.Digest) (contents, error) {
	image, err := c.Image(ctx, spec)
	if err != nil {
		return contents{}, err
	}
	got := contents{Labels: image.Config.Config.Labels, Created: image.Config.Created}
	layers := image.Layers
	if len(layers) == 0 {
		return got, nil
	}
	if !override {
		for _, layer := range layers[:len(layers)-1] {
			got.Bare = append(got.Bare, layer.Digest)
		}
	}
	if !got.operator() {
		return got, nil
	}
	files := map[string]File{}
	if !override {
		if files, err = readLayers(ctx, image, layers[len(layers)-1:]); err != nil {
			return contents{}, err
		}
	}
	if len(files) == 0 {
		layers = slices.DeleteFunc(slices.Clone(layers),
			func(l types.BlobInfo) bool { return override && slices.Contains(bare, l.Digest) })
		got.Bare = nil
		if files, err = readLayers(ctx, image, layers); err != nil {
			return contents{}, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		got.Manifests = append(got.Manifests, files[name])
	}
	return got, nil
}

// readLayers applies layers of an image, and returns the files of /manifests.
func readLayers(ctx context.Context, image *registry.Image, layers []types.BlobInfo) (map[string]File, error) {
	files := map[string]File{}
	for _, layer := range layers {
		var next map[string]File
		err := image.Layer(ctx, layer, registry.MaxLayer, func(stream io.Reader) error {
			next = maps.Clone(files)
			return applyManifests(stream, next)
		})
		if err != nil {
			return nil, err
		}
		files = next
	}
	return files, nil
}

// applyManifests reads a layer and changes files to what /manifests has on top of it: regular files directly under
// it, without what whiteouts remove. A name that becomes a link or a device is dropped, since only files become
// manifests.
func applyManifests(stream io.Reader, files map[string]File) error {
	total := 0
	r := tar.NewReader(stream)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a layer: %w", err)
		}
		name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		directory, base := path.Split(name)
		switch {
		case name == ".wh.manifests" || name == "manifests" && header.Typeflag != tar.TypeDir ||
			directory == "manifests/" && base == ".wh..wh..opq":
			clear(files)
		case directory != "manifests/":
		case strings.HasPrefix(base, ".wh."):
			delete(files, strings.TrimPrefix(base, ".wh."))
		case header.Typeflag != tar.TypeReg:
			delete(files, base)
		default:
			if total += int(min(header.Size, maxManifestBytes)); total > maxManifestBytes ||
				header.Size > maxReleaseFile ||
				len(files) >= maxManifests {
				return fmt.Errorf("/manifests has more than %d files, %d bytes in one or %d in all", maxManifests,
					maxReleaseFile, maxManifestBytes)
			}
			if !isPlain(base) {
				return fmt.Errorf("/manifests has a file called %q", base)
			}
			data, err := io.ReadAll(r)
			if err != nil {
				return fmt.Errorf("reading manifests/%s of a layer: %w", base, err)
			}
			files[base] = File{Name: base, Data: data, ModTime: header.ModTime.UTC()}
		}
	}
}
