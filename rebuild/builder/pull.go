package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.podman.io/common/libimage"
	"go.podman.io/common/pkg/config"
	"go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Pull brings an image into local storage, unless it is there, and returns it. name is a pull spec by digest (an image
// of that digest is never pulled twice) or a reference with a transport. report gets the progress of the copy; nil
// discards it.
func (b *Builder) Pull(ctx context.Context, name string, report io.Writer) (Image, error) {
	image, err := b.Image(ctx, name)
	if !errors.Is(err, ErrNotFound) {
		return image, err
	}
	id, err := b.pull(ctx, name, report)
	if ctx.Err() != nil {
		return Image{}, context.Cause(ctx)
	}
	if err != nil {
		return Image{}, b.withSpace(err)
	}
	return b.Image(ctx, id)
}

// pull does what buildah.Pull does, which goes on when the context has ended, and which has a registry read by
// image/v5.
func (b *Builder) pull(ctx context.Context, name string, report io.Writer) (id string, err error) {
	defer killChildrenWhenDone(ctx)()
	// requests that a registry fails are tried again one by one, by who reads
	none, system := uint(0), b.options.SystemContext
	options := libimage.CopyOptions{Writer: report, MaxRetries: &none}
	name = strings.TrimPrefix(name, "docker://")
	if source, err := b.options.Source(name); err == nil {
		return name, b.copy(ctx, source, name, options)
	}
	runtime, err := libimage.RuntimeFromStore(b.store.until(ctx), &libimage.RuntimeOptions{SystemContext: system})
	if err != nil {
		return "", err
	}
	pulled, err := runtime.Pull(ctx, name, config.PullPolicyMissing, &libimage.PullOptions{CopyOptions: options})
	if err != nil {
		return "", err
	}
	if len(pulled) != 1 {
		return "", fmt.Errorf("%d images came instead of one", len(pulled))
	}
	return pulled[0].ID(), nil
}

// copies is how often an image is copied that came with other content than its manifest names.
const copies = 4

// copy copies an image into local storage, under the name by which it was asked for.
func (b *Builder) copy(ctx context.Context, source types.ImageReference, name string,
	options libimage.CopyOptions) (err error) {
	system := b.options.SystemContext
	options.OS, options.Architecture, options.Variant = system.OSChoice, system.ArchitectureChoice, system.VariantChoice
	copier, err := libimage.NewCopier(&options, system)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, copier.Close()) }()
	destination, err := storage.Transport.ParseStoreReference(b.store.until(ctx), name)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		if _, err = copier.Copy(ctx, source, destination); try == copies || !errors.Is(err, registry.ErrTampered) {
			return err
		}
	}
}
