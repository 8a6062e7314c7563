package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.podman.io/common/libimage"
	"go.podman.io/common/pkg/config"
)

// How often a pull that a registry failed is tried again, and the pause before that.
const (
	pullRetries = 3
	pullDelay   = time.Second
)

// Pull brings an image into local storage, unless it is there, and returns it. name is a pull spec by digest (an image of that digest
// is never pulled twice) or a reference with a transport. report gets the progress of the copy; nil discards it.
func (b *Builder) Pull(ctx context.Context, name string, report io.Writer) (Image, error) {
	image, err := b.Image(ctx, name)
	if !errors.Is(err, ErrNotFound) {
		return image, err
	}
	id, err := b.pull(ctx, name, report)
	if ctx.Err() != nil {
		return Image{}, fmt.Errorf("pulling %q: %w", name, context.Cause(ctx))
	}
	if err != nil {
		return Image{}, fmt.Errorf("pulling %q: %w", name, err)
	}
	return b.Image(ctx, id)
}

// pull does what buildah.Pull does, which goes on when the context has ended.
func (b *Builder) pull(ctx context.Context, name string, report io.Writer) (id string, err error) {
	defer killChildrenWhenDone(ctx)()
	runtime, err := libimage.RuntimeFromStore(b.store.until(ctx), &libimage.RuntimeOptions{SystemContext: b.options.SystemContext})
	if err != nil {
		return "", err
	}
	retries, delay := uint(pullRetries), pullDelay
	options := &libimage.PullOptions{CopyOptions: libimage.CopyOptions{Writer: report, MaxRetries: &retries, RetryDelay: &delay}}
	pulled, err := runtime.Pull(ctx, name, config.PullPolicyMissing, options)
	if err != nil {
		return "", err
	}
	if len(pulled) != 1 {
		return "", fmt.Errorf("%d images came instead of one", len(pulled))
	}
	return pulled[0].ID(), nil
}
