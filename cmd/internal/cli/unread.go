package cli

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"syscall"
)

// errUnread is why a run ends whose output nobody reads any more, as in `oc rebuild … | head -1`.
var errUnread = errors.New("nobody reads the output")

// unreadCode is the exit code then: what a shell has for a program that SIGPIPE ended.
const unreadCode = 128 + int(syscall.SIGPIPE)

// watched is a stream that ends the run where its reader is gone.
type watched struct {
	to   io.Writer
	end  context.CancelCauseFunc
	used atomic.Bool // something was written
}

// Inner implements display.Decorated.
func (w *watched) Inner() io.Writer { return w.to }

// Write implements io.Writer.
func (w *watched) Write(p []byte) (int, error) {
	w.used.Store(true)
	n, err := w.to.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		w.end(errUnread)
	}
	return n, err
}
