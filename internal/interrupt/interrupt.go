// Package interrupt ends reads with a context: io.Copy of a large file knows none.
package interrupt

import (
	"context"
	"io"
)

// Reader returns r, whose reads fail with the cause of ctx once that has ended.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
