package extract

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// maxFile is the largest file that is taken out of an image, in bytes. openshift-install has about 600 MiB.
const maxFile = 4 << 30

// found is a file that was taken out of a layer.
type found struct {
	path    string // of a temporary file
	modTime time.Time
	link    string // what the path links to, if it is a symbolic link
}

// scan is what one pass over a layer found.
type scan struct {
	sought  map[string]bool
	files   map[string]found
	removed map[string]bool // paths that a whiteout takes away from the layers below
}

// finder looks for files in images that share layers. Each layer is read once, for the files of all images that have
// it.
type finder struct {
	directory string // for temporary files
	images    map[string]*registry.Image
	wanted    map[string]map[string]bool // component → paths
	layers    map[digest.Digest]*scan
	count     int
}

// want adds a file of a component's image.
func (f *finder) want(component string, image *registry.Image, name string) {
	f.images[component] = image
	if f.wanted[component] == nil {
		f.wanted[component] = map[string]bool{}
	}
	f.wanted[component][name] = true
}

// find returns a file of an image, from the uppermost layer that has it. Symbolic links are followed within the
// image. A file that is not there is os.ErrNotExist.
func (f *finder) find(ctx context.Context, component, name string) (found, error) {
	for range 10 {
		got, err := f.lookup(ctx, component, name)
		if err != nil || got.link == "" {
			return got, err
		}
		target := got.link
		if !path.IsAbs(target) {
			target = path.Join("/", path.Dir(name), target)
		}
		name = strings.TrimPrefix(path.Clean(target), "/")
		f.wanted[component][name] = true
	}
	return found{}, fmt.Errorf("%s of %s: too many links", name, component)
}

func (f *finder) lookup(ctx context.Context, component, name string) (found, error) {
	layers := f.images[component].Layers
	for i := len(layers) - 1; i >= 0; i-- {
		layer, err := f.scan(ctx, component, layers[i], name)
		if err != nil {
			return found{}, err
		}
		if got, ok := layer.files[name]; ok {
			return got, nil
		}
		if layer.hides(name) {
			break
		}
	}
	return found{}, fmt.Errorf("image of %s: %s: %w", component, name, os.ErrNotExist)
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

// scan reads a layer, unless that was done for the path before.
func (f *finder) scan(ctx context.Context, component string, info types.BlobInfo, name string) (*scan, error) {
	if done, ok := f.layers[info.Digest]; ok && done.sought[name] {
		return done, nil
	}
	done := &scan{sought: map[string]bool{}}
	for other, image := range f.images {
		for _, layer := range image.Layers {
			if layer.Digest == info.Digest {
				for wanted := range f.wanted[other] {
					done.sought[wanted] = true
				}
			}
		}
	}
	err := f.images[component].Layer(ctx, info, registry.MaxLayer, func(stream io.Reader) error {
		done.files, done.removed = map[string]found{}, map[string]bool{}
		return f.read(stream, done)
	})
	if err != nil {
		return nil, err
	}
	f.layers[info.Digest] = done
	return done, nil
}

// read takes the sought files out of a layer. A hard link is the file that came before it.
func (f *finder) read(stream io.Reader, into *scan) error {
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
			into.removed[path.Join(directory, removed)] = true
			continue
		}
		if !into.sought[name] {
			continue
		}
		switch header.Typeflag {
		case tar.TypeReg:
			if into.files[name], err = f.save(r, header); err != nil {
				return fmt.Errorf("taking out %s: %w", name, err)
			}
		case tar.TypeSymlink:
			into.files[name] = found{link: header.Linkname}
		case tar.TypeLink:
			into.files[name] = found{link: "/" + header.Linkname}
		}
	}
}

func (f *finder) save(r io.Reader, header *tar.Header) (found, error) {
	if header.Size > maxFile {
		return found{}, fmt.Errorf("%d bytes, more than %d", header.Size, int64(maxFile))
	}
	f.count++
	name := path.Join(f.directory, fmt.Sprintf("file%d", f.count))
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return found{}, err
	}
	_, err = io.Copy(file, r)
	return found{path: name, modTime: header.ModTime.UTC()}, errors.Join(err, file.Close())
}
