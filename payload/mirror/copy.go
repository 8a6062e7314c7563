package mirror

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/types"
	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Source is where images are copied from.
type Source interface {
	// Manifest reads the manifest or manifest list that repository@digest names, and a function that opens what it
	// refers to.
	Manifest(ctx context.Context, spec string) (registry.Manifest, func(types.BlobInfo) registry.Blob, error)
}

// Destination is where images are copied to.
type Destination interface {
	// Has tells whether repository:tag names the digest already.
	Has(ctx context.Context, ref string, want digest.Digest) (bool, error)
	// Blob makes sure that the repository of ref has a blob.
	Blob(ctx context.Context, ref string, blob registry.Blob) error
	// Child writes the manifest of an image of a list by its digest.
	Child(ctx context.Context, ref string, data []byte) error
	// Tag writes a manifest or a manifest list as repository:tag.
	Tag(ctx context.Context, ref string, data []byte) error
}

// Result is what a copy did.
type Result struct {
	Copied  int   `json:"copied"`  // images
	Present int   `json:"present"` // images that were there already
	Bytes   int64 `json:"bytes"`   // of blobs that were sent
}

// defaultJobs is how many images are copied at once.
const defaultJobs = 16

// Copy copies images, jobs of them at once (0 = 16), and the release image last, when everything that it names is
// there. done is told each image that is at the destination; it may be nil, and is called by several goroutines.
func Copy(ctx context.Context, from Source, to Destination, items []Item, jobs int,
	done func(Item, digest.Digest)) (Result, error) {
	c := copier{from: from, to: to}
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(max(0, jobs), defaultJobs))
	var release []Item
	for _, item := range items {
		if item.Component == "" {
			release = append(release, item)
			continue
		}
		group.Go(func() error { return c.item(groupContext, item, done) })
	}
	if err := group.Wait(); err != nil {
		return c.result(), err
	}
	for _, item := range release {
		if err := c.item(ctx, item, done); err != nil {
			return c.result(), err
		}
	}
	return c.result(), nil
}

type copier struct {
	from                   Source
	to                     Destination
	copied, present, bytes atomic.Int64
}

func (c *copier) result() Result {
	return Result{Copied: int(c.copied.Load()), Present: int(c.present.Load()), Bytes: c.bytes.Load()}
}

func (c *copier) item(ctx context.Context, item Item, done func(Item, digest.Digest)) error {
	name := cmp.Or(item.Component, "the release image")
	if err := item.Digest.Validate(); err != nil {
		return fmt.Errorf("mirroring %s: %q does not say which image it is: %w", name, item.From, err)
	}
	has, err := c.to.Has(ctx, item.To, item.Digest)
	if err == nil && !has {
		c.copied.Add(1)
		err = c.image(ctx, item)
	} else if err == nil {
		c.present.Add(1)
	}
	if err != nil {
		return fmt.Errorf("mirroring %s: %w", name, err)
	}
	if done != nil {
		done(item, item.Digest)
	}
	return nil
}

// image copies an image or a manifest list: what it refers to first.
func (c *copier) image(ctx context.Context, item Item) error {
	manifest, open, err := c.from.Manifest(ctx, item.From)
	if err != nil {
		return err
	}
	if manifest.Digest != item.Digest {
		return fmt.Errorf("%q has become %s meanwhile, it was %s", item.From, manifest.Digest, item.Digest)
	}
	if err := c.blobs(ctx, item.To, manifest, open); err != nil {
		return err
	}
	repository, _ := registry.SplitDigest(item.From)
	for _, instance := range manifest.Instances {
		child, open, err := c.from.Manifest(ctx, repository+"@"+instance.Digest.String())
		if err != nil {
			return err
		}
		if child.List {
			return fmt.Errorf("manifest %s of a list is a list again, which is not supported", child.Digest)
		}
		if err := c.blobs(ctx, item.To, child, open); err != nil {
			return err
		}
		if err := c.to.Child(ctx, item.To, child.Data); err != nil {
			return err
		}
	}
	return c.to.Tag(ctx, item.To, manifest.Data)
}

func (c *copier) blobs(ctx context.Context, ref string, m registry.Manifest,
	open func(types.BlobInfo) registry.Blob) error {
	for _, info := range m.Blobs {
		blob := open(info)
		read := blob.Open
		blob.Open = func(ctx context.Context) (io.ReadCloser, error) { // only called if the blob must be sent
			c.bytes.Add(max(0, info.Size))
			return read(ctx)
		}
		if err := c.to.Blob(ctx, ref, blob); err != nil {
			return err
		}
	}
	return nil
}
