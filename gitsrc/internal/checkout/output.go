package checkout

import (
	"context"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// output writes to a file descriptor and takes what it writes from a budget.
type output struct {
	ctx    context.Context // ends a file that is large
	fd     int
	budget *budget
}

func (o *output) Write(p []byte) (int, error) {
	if o.ctx.Err() != nil {
		return 0, context.Cause(o.ctx)
	}
	if err := o.budget.take(int64(len(p))); err != nil {
		return 0, err
	}
	for written := 0; written < len(p); {
		n, err := unix.Write(o.fd, p[written:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return written, err
		}
		written += n
	}
	return len(p), nil
}

// budget is a number of bytes that several goroutines share.
type budget struct{ left atomic.Int64 }

func newBudget(bytes int64) *budget {
	b := &budget{}
	b.left.Store(bytes)
	return b
}

func (b *budget) take(n int64) error {
	if b.left.Add(-n) < 0 {
		return pack.OverLimit("the files of the tree have more bytes together than the limit")
	}
	return nil
}
