package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// maxIndex is the largest index.json that is read, in bytes.
const maxIndex = 16 << 20

// Layout is a Source and a Destination on disk, laid out as an OCI image layout: what other programs read as
// oci:DIRECTORY:TAG.
type Layout struct {
	directory *Directory
	mu        sync.Mutex // index.json is changed by one at a time
}

// OpenLayout opens an OCI layout to write to, which is made if it is not there.
func OpenLayout(name string) (*Layout, error) {
	directory, err := OpenDirectory(name)
	if err != nil {
		return nil, err
	}
	l := &Layout{directory: directory}
	if _, err := directory.root.Stat(ocispec.ImageLayoutFile); errors.Is(err, fs.ErrNotExist) {
		err = l.writeJSON(ocispec.ImageLayoutFile, ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
		if err == nil {
			err = l.writeJSON(ocispec.ImageIndexFile, l.empty())
		}
		if err != nil {
			return nil, errors.Join(err, directory.Close())
		}
	}
	return l, nil
}

// IsLayout tells whether a directory is an OCI layout.
func (d *Directory) IsLayout() bool {
	_, err := d.root.Stat(ocispec.ImageLayoutFile)
	return err == nil
}

// Layout returns the directory as the OCI layout that it is.
func (d *Directory) Layout() *Layout { return &Layout{directory: d} }

// Close ends the use of the layout.
func (l *Layout) Close() error { return l.directory.Close() }

func (l *Layout) empty() ocispec.Index {
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{}}
	index.SchemaVersion = 2
	return index
}

func blobPath(sum digest.Digest) string {
	return path.Join(ocispec.ImageBlobsDir, string(sum.Algorithm()), sum.Encoded())
}

func (l *Layout) read(sum digest.Digest) ([]byte, error) { return l.directory.read(blobPath(sum)) }

func (l *Layout) blob(info types.BlobInfo) registry.Blob {
	return registry.Blob{Digest: info.Digest, Size: info.Size, MediaType: info.MediaType,
		Open: func(context.Context) (io.ReadCloser, error) {
			file, err := regular.OpenIn(l.directory.root, blobPath(info.Digest))
			if err != nil {
				return nil, fmt.Errorf("opening blob %s of the OCI layout: %w", info.Digest, err)
			}
			return file, nil
		}}
}

// Manifest implements Source.
func (l *Layout) Manifest(_ context.Context, spec string) (registry.Manifest,
	func(types.BlobInfo) registry.Blob, error) {
	_, want := registry.SplitDigest(spec)
	if err := want.Validate(); err != nil {
		return registry.Manifest{}, nil, fmt.Errorf("%q: %w", spec, err)
	}
	data, err := l.read(want)
	if err != nil {
		return registry.Manifest{}, nil, fault.New(fault.Unresolved, "",
			fmt.Errorf("reading manifest %s of %q: %w", want, spec, err))
	}
	m, err := registry.ParseManifest(data, "", want)
	return m, l.blob, err
}

// Has implements Destination.
func (l *Layout) Has(_ context.Context, ref string, want digest.Digest) (bool, error) {
	index, err := l.index()
	if err != nil || !slices.ContainsFunc(index.Manifests, func(d ocispec.Descriptor) bool {
		return d.Annotations[ocispec.AnnotationRefName] == tagOf(ref) && d.Digest == want
	}) {
		return false, err
	}
	data, err := l.read(want)
	return err == nil && digest.FromBytes(data) == want && l.directory.complete(data, l.read, blobPath), nil
}

// Blob implements Destination.
func (l *Layout) Blob(ctx context.Context, _ string, blob registry.Blob) error {
	return l.directory.put(ctx, blobPath(blob.Digest), blob)
}

// Child implements Destination.
func (l *Layout) Child(_ context.Context, _ string, data []byte) error {
	return l.directory.write(blobPath(digest.FromBytes(data)), func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Tag implements Destination.
func (l *Layout) Tag(ctx context.Context, ref string, data []byte) error {
	if err := l.Child(ctx, ref, data); err != nil {
		return err
	}
	m, err := registry.ParseManifest(data, "", "")
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	index, err := l.index()
	if err != nil {
		return err
	}
	tag := tagOf(ref)
	index.Manifests = slices.DeleteFunc(index.Manifests,
		func(d ocispec.Descriptor) bool { return d.Annotations[ocispec.AnnotationRefName] == tag })
	index.Manifests = append(index.Manifests,
		ocispec.Descriptor{MediaType: m.MediaType, Digest: m.Digest, Size: int64(len(data)),
			Annotations: map[string]string{ocispec.AnnotationRefName: tag}})
	return l.writeJSON(ocispec.ImageIndexFile, index)
}

func (l *Layout) index() (ocispec.Index, error) {
	data, err := regular.ReadIn(l.directory.root, ocispec.ImageIndexFile, maxIndex)
	if err != nil {
		return ocispec.Index{}, fault.New(fault.Unresolved, "", fmt.Errorf("opening the OCI layout: %w", err))
	}
	var index ocispec.Index
	if err := json.Unmarshal(data, &index); err != nil {
		return ocispec.Index{}, fmt.Errorf("reading the index of the OCI layout: %w", err)
	}
	return index, nil
}

func (l *Layout) writeJSON(name string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("writing to the OCI layout: %w", err)
	}
	return l.directory.write(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Release opens the release that a tag of the layout names, or the only release that there is.
func (l *Layout) Release(ctx context.Context, c *registry.Client, tag string) (*payload.Release, error) {
	index, err := l.index()
	if err != nil {
		return nil, err
	}
	candidates := index.Manifests
	slices.SortStableFunc(candidates, func(a, b ocispec.Descriptor) int {
		return len(a.Annotations[ocispec.AnnotationRefName]) - len(b.Annotations[ocispec.AnnotationRefName])
	})
	var found releases
	for _, candidate := range candidates {
		if tag != "" && candidate.Annotations[ocispec.AnnotationRefName] != tag || candidate.Digest.Validate() != nil {
			continue
		}
		data, err := l.read(candidate.Digest)
		if err != nil {
			return nil, fmt.Errorf("reading manifest %s of the OCI layout: %w", candidate.Digest, err)
		}
		ref := local + DirectoryRepository + "@" + candidate.Digest.String()
		var release *payload.Release
		image, err := c.ImageIn(ctx, &place{data, l.read, l.blob}, ref)
		if err == nil {
			release, err = payload.OpenImage(ctx, image, ref)
		}
		found.add(candidate.Annotations[ocispec.AnnotationRefName])(release, err)
	}
	if found.failure == nil {
		found.failure = fault.Errorf(fault.Unresolved, "the OCI layout has no release %q", tag)
	}
	return found.only()
}
