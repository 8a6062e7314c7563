package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.podman.io/buildah"
	"go.podman.io/buildah/define"
)

// Pull brings an image into local storage, unless it is there, and returns it. name is a pull spec by digest (an image of that digest
// is never pulled twice) or a reference with a transport. report gets the progress of the copy; nil discards it.
func (b *Builder) Pull(ctx context.Context, name string, report io.Writer) (Image, error) {
	image, err := b.Image(ctx, name)
	if !errors.Is(err, ErrNotFound) {
		return image, err
	}
	defer killChildrenWhenDone(ctx)() // unpacking a layer takes a while, and does not ask the context
	id, err := buildah.Pull(ctx, name, buildah.PullOptions{
		Store:         b.store,
		SystemContext: b.options.SystemContext,
		ReportWriter:  report,
		PullPolicy:    define.PullIfMissing,
		MaxRetries:    3,
		RetryDelay:    time.Second,
	})
	if ctx.Err() != nil {
		return Image{}, fmt.Errorf("pulling %q: %w", name, context.Cause(ctx))
	}
	if err != nil {
		return Image{}, fmt.Errorf("pulling %q: %w", name, err)
	}
	return b.Image(ctx, id)
}
