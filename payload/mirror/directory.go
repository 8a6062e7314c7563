package mirror

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"
	"golang.org/x/sync/singleflight"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// DirectoryRepository is the repository that a release has in a directory, as oc names it.
const DirectoryRepository = "openshift/release"

// maxManifest is the largest manifest that is read from a directory, in bytes.
const maxManifest = 4 << 20

// Directory is a Source and a Destination on disk, laid out as oc image mirror reads and writes it:
// v2/REPOSITORY/blobs/DIGEST, and v2/REPOSITORY/manifests/DIGEST with a link for each tag.
type Directory struct {
	root     *os.Root
	verified sync.Map // names of files whose content was found to be what their digest says
	inFlight singleflight.Group
}

// OpenDirectory opens a directory to write to, which is made if it is not there.
func OpenDirectory(name string) (*Directory, error) {
	if err := os.MkdirAll(name, 0o755); err != nil {
		return nil, fmt.Errorf("opening the mirror directory: %w", err)
	}
	return ReadDirectory(name)
}

// ReadDirectory opens a directory to read from.
func ReadDirectory(name string) (*Directory, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fault.New(fault.Unresolved, "", fmt.Errorf("opening the mirror directory: %w", err))
	}
	return &Directory{root: root}, nil
}

// Close ends the use of the directory.
func (d *Directory) Close() error { return d.root.Close() }

// Manifest implements Source. Whatever repository the image had, it is in the directory by its digest.
func (d *Directory) Manifest(_ context.Context, spec string) (registry.Manifest,
	func(types.BlobInfo) registry.Blob, error) {
	_, want := registry.SplitDigest(spec)
	if err := want.Validate(); err != nil {
		return registry.Manifest{}, nil, fmt.Errorf("%q: %w", spec, err)
	}
	data, err := d.manifest(want)
	if err != nil {
		return registry.Manifest{}, nil, fault.New(fault.Unresolved, "",
			fmt.Errorf("reading manifest %s of %q: %w", want, spec, err))
	}
	m, err := registry.ParseManifest(data, "", want)
	return m, d.blob, err
}

// Release opens the release that a tag or a digest names, or the only release that there is.
func (d *Directory) Release(ctx context.Context, c *registry.Client, tag string) (*payload.Release, error) {
	tags := []string{tag}
	if tag == "" {
		var err error
		if tags, err = d.tags(); err != nil {
			return nil, err
		}
	} else if path.Base(tag) != tag || strings.HasPrefix(tag, ".") {
		return nil, fault.Errorf(fault.Usage, "%q is not a tag of the mirror directory", tag)
	}
	var found releases
	for _, tag := range tags {
		found.add(tag)(d.release(ctx, c, tag))
	}
	if found.failure == nil {
		found.failure = fault.Errorf(fault.Unresolved, "the mirror directory has no release")
	}
	return found.only()
}

// releases are what the tags of a directory name.
type releases struct {
	all     []*payload.Release // each once
	tags    []string           // of these
	failure error              // of the first tag that names no release
}

// add takes what opening a tag has given.
func (r *releases) add(tag string) func(*payload.Release, error) {
	return func(release *payload.Release, err error) {
		switch {
		case err != nil:
			r.failure = cmp.Or(r.failure, err)
		case !slices.ContainsFunc(r.all, func(one *payload.Release) bool { return one.Digest == release.Digest }):
			r.all, r.tags = append(r.all, release), append(r.tags, tag)
		}
	}
}

// only returns the one release that was found.
func (r *releases) only() (*payload.Release, error) {
	switch len(r.all) {
	case 0:
		return nil, r.failure
	case 1:
		return r.all[0], nil
	}
	return nil, fault.New(fault.Unresolved, "Name one: --from TAG with --from-dir, or file://openshift/release:TAG.",
		fmt.Errorf("the directory has several releases: %s", strings.Join(r.tags, ", ")))
}

// tags lists the tags of the directory, short ones first: a release's begins the names of its components.
func (d *Directory) tags() ([]string, error) {
	entries, err := fs.ReadDir(d.root.FS(), manifests)
	if err != nil {
		return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading the mirror directory: %w", err))
	}
	var tags []string
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), "sha256:") && !strings.HasPrefix(entry.Name(), ".") {
			tags = append(tags, entry.Name())
		}
	}
	slices.SortStableFunc(tags, func(a, b string) int { return len(a) - len(b) })
	return tags, nil
}

func (d *Directory) release(ctx context.Context, c *registry.Client, tag string) (*payload.Release, error) {
	data, err := d.read(path.Join(manifests, tag))
	if err != nil {
		return nil, fault.New(fault.Unresolved, "",
			fmt.Errorf("looking up the tag %q in the mirror directory: %w", tag, err))
	}
	sum := digest.FromBytes(data)
	if strings.HasPrefix(tag, "sha256:") && tag != sum.String() {
		return nil, fmt.Errorf("manifest %s of the mirror directory: %w", tag, registry.ErrTampered)
	}
	ref := local + DirectoryRepository + "@" + sum.String()
	image, err := c.ImageIn(ctx, &place{data, d.manifest, d.blob}, ref)
	if err != nil {
		return nil, err
	}
	return payload.OpenImage(ctx, image, ref)
}

// local is the registry that images of a directory are said to be in.
const local = "localhost/"

// manifest reads a manifest by its digest.
func (d *Directory) manifest(sum digest.Digest) ([]byte, error) {
	return d.read(path.Join(manifests, sum.String()))
}

const (
	blobs     = "v2/" + DirectoryRepository + "/blobs"
	manifests = "v2/" + DirectoryRepository + "/manifests"
)

func (d *Directory) read(name string) ([]byte, error) {
	return regular.ReadIn(d.root, name, maxManifest)
}

func (d *Directory) blob(info types.BlobInfo) registry.Blob {
	return registry.Blob{Digest: info.Digest, Size: info.Size, MediaType: info.MediaType,
		Open: func(context.Context) (io.ReadCloser, error) {
			file, err := regular.OpenIn(d.root, blobName(info.Digest))
			if err != nil {
				return nil, fmt.Errorf("opening blob %s of the mirror directory: %w", info.Digest, err)
			}
			return file, nil
		}}
}

// Has implements Destination. An image that an earlier run wrote counts only if every file of it still is what its
// digest says.
func (d *Directory) Has(_ context.Context, ref string, want digest.Digest) (bool, error) {
	data, err := d.read(path.Join(manifests, tagOf(ref)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || digest.FromBytes(data) != want {
		return false, err
	}
	return d.complete(data, d.manifest, blobName), nil
}

func blobName(sum digest.Digest) string { return path.Join(blobs, sum.String()) }

// complete reports whether all is there that a manifest refers to, undamaged.
func (d *Directory) complete(data []byte,
	read func(digest.Digest) ([]byte, error), name func(digest.Digest) string) bool {
	m, err := registry.ParseManifest(data, "", "")
	if err != nil {
		return false
	}
	for _, blob := range m.Blobs {
		if !d.intact(name(blob.Digest), blob.Digest) {
			return false
		}
	}
	for _, instance := range m.Instances {
		child, err := read(instance.Digest)
		if err != nil || digest.FromBytes(child) != instance.Digest || !d.complete(child, read, name) {
			return false
		}
	}
	return true
}

// intact reports whether a file has the content that a digest names. Each file is read once.
func (d *Directory) intact(name string, want digest.Digest) bool {
	if _, ok := d.verified.Load(name); ok {
		return true
	}
	file, err := regular.OpenIn(d.root, name)
	if err != nil {
		return false
	}
	defer file.Close()
	got, err := want.Algorithm().FromReader(file)
	if err != nil || got != want {
		return false
	}
	d.verified.Store(name, nil)
	return true
}

// Blob implements Destination. What has the name and the content already is not written again.
func (d *Directory) Blob(ctx context.Context, _ string, blob registry.Blob) error {
	return d.put(ctx, blobName(blob.Digest), blob)
}

// put writes a blob that is not there. Who wants one that another is about to write waits for it: images of a release
// share their bases.
func (d *Directory) put(ctx context.Context, name string, blob registry.Blob) error {
	_, err, _ := d.inFlight.Do(name, func() (any, error) {
		if d.intact(name, blob.Digest) {
			return nil, nil
		}
		err := d.write(name, func(w io.Writer) error { return blob.Copy(ctx, w) })
		if err == nil {
			d.verified.Store(name, nil) // Copy has seen all of it
		}
		return nil, err
	})
	return err
}

// write writes a file beside its place, and moves it there.
func (d *Directory) write(name string, content func(io.Writer) error) error {
	part := path.Dir(name) + "/.part-" + rand.Text() // a process ID comes again in containers
	if err := d.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return fmt.Errorf("writing to the mirror directory: %w", err)
	}
	file, err := d.root.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("writing to the mirror directory: %w", err)
	}
	err = errors.Join(content(file), file.Close())
	if err == nil {
		err = d.root.Rename(part, name)
	}
	if err != nil {
		return fmt.Errorf("writing to the mirror directory: %w", errors.Join(err, d.root.Remove(part)))
	}
	return nil
}

// Child implements Destination. The manifest is a blob as well, to which the name under manifests is a hard link.
func (d *Directory) Child(_ context.Context, _ string, data []byte) error {
	sum := digest.FromBytes(data).String()
	content := func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
	if err := d.write(path.Join(blobs, sum), content); err != nil {
		return err
	}
	link := path.Join(manifests, sum)
	err := d.root.MkdirAll(manifests, 0o755)
	if err == nil {
		err = d.root.Link(path.Join(blobs, sum), link)
	}
	if err != nil { // there already, or a file system without links
		return d.write(link, content)
	}
	return nil
}

// Tag implements Destination. A tag is a symbolic link to the manifest.
func (d *Directory) Tag(ctx context.Context, ref string, data []byte) error {
	if err := d.Child(ctx, ref, data); err != nil {
		return err
	}
	name := path.Join(manifests, tagOf(ref))
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing to the mirror directory: %w", err)
	}
	if err := d.root.Symlink(digest.FromBytes(data).String(), name); err != nil {
		return fmt.Errorf("writing to the mirror directory: %w", err)
	}
	return nil
}

func tagOf(ref string) string { return ref[strings.LastIndex(ref, ":")+1:] }
