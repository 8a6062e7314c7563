package builder

import (
	"context"
	"io"

	"go.podman.io/storage"
)

// buildStore is the storage as pulls and builds have it: the unpacking of layers ends with a context. Storage itself
// asks none; and when the process that unpacks is killed, it still reads the layer to its end, which takes a while for
// a large one.
type buildStore struct {
	ownedStore
	ctx            context.Context //nolint:containedctx // PutLayer has none
	overlayProgram string          // mounts overlays; "" = buildah does
}

// until returns the storage for work that ends with a context.
func (s ownedStore) until(ctx context.Context) buildStore { return buildStore{ownedStore: s, ctx: ctx} }

// PutLayer implements storage.Store.
func (s buildStore) PutLayer(id, parent string, names []string, mountLabel string, writeable bool,
	options *storage.LayerOptions,
	diff io.Reader) (*storage.Layer, int64, error) {
	if diff != nil {
		diff = endingReader{diff, s.ctx}
	}
	return s.ownedStore.PutLayer(id, parent, names, mountLabel, writeable, options, diff)
}

// endingReader fails when its context ends.
type endingReader struct {
	io.Reader
	ctx context.Context //nolint:containedctx // io.Reader has none
}

// Read implements io.Reader.
func (r endingReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
