// Package flock locks files and directories between processes, with flock(2). The kernel lets a lock go when its file
// is closed, at the latest when the process ends, however it ends. Libraries for it wait inside the kernel, or lock
// files alone.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Kind is whom a lock keeps out.
type Kind int

// Shared keeps out those who want it for themselves, Exclusive everybody.
const (
	Shared    Kind = unix.LOCK_SH
	Exclusive Kind = unix.LOCK_EX
)

// poll is how long to wait before asking again: a wait inside the kernel could not be interrupted.
const poll = 50 * time.Millisecond

// Try locks an open file or directory. It returns false where somebody has a lock that excludes this one.
func Try(file *os.File, kind Kind) (bool, error) {
	for {
		switch err := unix.Flock(int(file.Fd()), int(kind)|unix.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return false, nil
		default:
			return false, fmt.Errorf("locking %q: %w", file.Name(), err)
		}
	}
}

// Wait locks as Try does, as soon as nobody has a lock that excludes this one. waiting is called once if there is a
// wait; it may be nil. When ctx ends the error is its cause.
func Wait(ctx context.Context, file *os.File, kind Kind, waiting func()) error {
	for first := true; ; first = false {
		if ok, err := Try(file, kind); ok || err != nil {
			return err
		}
		if first && waiting != nil {
			waiting()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(poll):
		}
	}
}
