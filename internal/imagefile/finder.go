// Package imagefile takes single files out of the layers of images. image/v5 has layers as streams and
// containers/storage has whole root filesystems; neither has a file of an image in a registry.
package imagefile

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// maxFile is the largest file that is taken out of an image, in bytes. openshift-install has about 600 MiB.
const maxFile = 4 << 30

// File is a file that was taken out of a layer.
type File struct {
	Path    string // of a copy of it, in the finder's directory
	ModTime time.Time

	link string // path in the image that it links to, if it is a link
}

// Finder looks for files in images that may share layers. Each layer is read once, for the files of all images that
// have it.
type Finder struct {
	directory string // for the files
	wanted    map[digest.Digest]*wanted
	layers    map[digest.Digest]*scan
	count     int
}

// wanted is what is looked for in an image.
type wanted struct {
	image *registry.Image
	paths map[string]bool
}

// scan is what one pass over a layer found.
type scan struct {
	sought  map[string]bool
	files   map[string]File
	removed map[string]bool // paths that a whiteout takes away from the layers below
}

// NewFinder returns a finder that puts files into a directory, which must be there and be the caller's own.
func NewFinder(directory string) *Finder {
	return &Finder{directory: directory, wanted: map[digest.Digest]*wanted{}, layers: map[digest.Digest]*scan{}}
}

// Want announces that a file of an image will be looked for, so that it is found in the first pass over a layer. Paths
// have no slash at their beginning.
func (f *Finder) Want(image *registry.Image, name string) {
	if f.wanted[image.Digest] == nil {
		f.wanted[image.Digest] = &wanted{image, map[string]bool{}}
	}
	f.wanted[image.Digest].paths[name] = true
}

// Find returns a file of an image: of several names that it may have the one in the uppermost layer that has any of
// them. Links to the file are followed within the image. A file that is not there is os.ErrNotExist.
func (f *Finder) Find(ctx context.Context, image *registry.Image, names ...string) (File, error) {
	next := names
	for range 10 {
		for _, name := range next {
			f.Want(image, name)
		}
		got, err := f.lookup(ctx, image, next)
		if err != nil || got.link == "" {
			return got, err
		}
		next = []string{strings.TrimPrefix(path.Clean(got.link), "/")}
	}
	return File{}, fmt.Errorf("looking for %s: too many links", strings.Join(names, ", "))
}

func (f *Finder) lookup(ctx context.Context, image *registry.Image, names []string) (File, error) {
	left := slices.Clone(names)
	for i := len(image.Layers) - 1; i >= 0 && len(left) > 0; i-- {
		layer, err := f.scan(ctx, image, image.Layers[i], left)
		if err != nil {
			return File{}, err
		}
		for _, name := range left {
			if got, ok := layer.files[name]; ok {
				return got, nil
			}
		}
		left = slices.DeleteFunc(left, layer.hides)
	}
	return File{}, fmt.Errorf("%s: %w", strings.Join(names, ", "), os.ErrNotExist)
}

// hides tells whether the layer removes a path, or a directory above it, from the layers below.
func (s *scan) hides(name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if s.removed[name] {
			return true
		}
	}
	return false
}

// scan reads a layer, unless that was done for these paths before.
func (f *Finder) scan(ctx context.Context, image *registry.Image, info types.BlobInfo, names []string) (*scan, error) {
	done, ok := f.layers[info.Digest]
	if ok && !slices.ContainsFunc(names, func(name string) bool { return !done.sought[name] }) {
		return done, nil
	}
	done = &scan{sought: map[string]bool{}}
	for _, other := range f.wanted {
		for _, layer := range other.image.Layers {
			if layer.Digest == info.Digest {
				maps.Copy(done.sought, other.paths)
			}
		}
	}
	err := image.Layer(ctx, info, registry.MaxLayer, func(stream io.Reader) error {
		done.files, done.removed = map[string]File{}, map[string]bool{}
		return f.read(stream, done)
	})
	if err != nil {
		return nil, err
	}
	f.layers[info.Digest] = done
	return done, nil
}

// read takes the sought files out of a layer. A hard link is the file that came before it.
func (f *Finder) read(stream io.Reader, into *scan) error {
	hiding := map[string]bool{} // what takes a sought file away with it; a layer may remove millions of other things
	for name := range into.sought {
		for ; name != "." && name != "/"; name = path.Dir(name) {
			hiding[name] = true
		}
	}
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
		if removed, ok := strings.CutPrefix(base, ".wh."); ok {
			if removed == ".wh..opq" {
				removed = ""
			}
			if gone := path.Join(directory, removed); hiding[gone] {
				into.removed[gone] = true
			}
			continue
		}
		if !into.sought[name] {
			continue
		}
		if earlier := into.files[name]; earlier.Path != "" { // or a layer that has it a thousand times fills the disk
			if err := os.Remove(earlier.Path); err != nil {
				return fmt.Errorf("taking out %s: %w", name, err)
			}
			delete(into.files, name)
		}
		switch header.Typeflag {
		case tar.TypeReg:
			if into.files[name], err = f.save(r, header); err != nil {
				return fmt.Errorf("taking out %s: %w", name, err)
			}
		case tar.TypeSymlink:
			target := header.Linkname
			if !path.IsAbs(target) {
				target = path.Join("/", directory, target)
			}
			into.files[name] = File{link: target}
		case tar.TypeLink:
			into.files[name] = File{link: "/" + header.Linkname}
		}
	}
}

func (f *Finder) save(r io.Reader, header *tar.Header) (File, error) {
	if header.Size > maxFile {
		return File{}, fmt.Errorf("%d bytes, more than %d", header.Size, int64(maxFile))
	}
	f.count++
	name := filepath.Join(f.directory, fmt.Sprintf("file%d", f.count))
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return File{}, err
	}
	_, err = io.Copy(file, r)
	return File{Path: name, ModTime: header.ModTime.UTC()}, errors.Join(err, file.Close())
}
