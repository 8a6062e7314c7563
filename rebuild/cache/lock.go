package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	shared    = unix.LOCK_SH
	exclusive = unix.LOCK_EX
)

// Lock is a hold on a directory, which ends with the process at the latest.
type Lock struct{ directory *os.File }

// Use takes a hold on a directory that others may share, and that keeps prunes away. It waits for a prune that is under way.
func Use(ctx context.Context, directory string) (*Lock, error) {
	return acquire(ctx, directory, shared, nil)
}

// Hold is Use for a directory that nobody else has a hold on.
func Hold(directory string) (*Lock, error) {
	lock, err := try(directory, shared)
	if lock == nil && err == nil {
		err = fmt.Errorf("locking %q: somebody else has it", directory)
	}
	return lock, err
}

// MakeHeld makes a directory with a name that begins with prefix, and takes a hold on it. Who looks for directories that nobody holds may
// remove it before that: then it is made again.
func MakeHeld(parent, prefix string) (path string, lock *Lock, err error) {
	for range 10 {
		if path, err = os.MkdirTemp(parent, prefix); err != nil {
			return "", nil, fmt.Errorf("making a directory of this run: %w", err)
		}
		if lock, err = Hold(path); err != nil {
			continue
		}
		made, madeErr := lock.directory.Stat()
		if named, err := os.Lstat(path); err == nil && madeErr == nil && os.SameFile(made, named) {
			return path, lock, nil
		}
		err = errors.Join(errors.New("it was removed"), lock.Release())
	}
	return "", nil, fmt.Errorf("making a directory of this run in %q: %w", parent, err)
}

// Seize takes a hold on a directory that excludes all others, or returns nil where somebody has one.
func Seize(directory string) (*Lock, error) { return try(directory, exclusive) }

// Release ends the hold.
func (l *Lock) Release() error { return l.directory.Close() }

// acquire asks for a lock again and again until it is there, since a wait inside the kernel could not be interrupted.
func acquire(ctx context.Context, directory string, kind int, waiting func()) (*Lock, error) {
	for first := true; ; first = false {
		lock, err := try(directory, kind)
		if lock != nil || err != nil {
			return lock, err
		}
		if first && waiting != nil {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for another run: %w", context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// try returns a lock, or nil where another process has one that excludes it.
func try(directory string, kind int) (*Lock, error) {
	file, err := os.Open(directory)
	if err != nil {
		return nil, fmt.Errorf("locking the cache: %w", err)
	}
	err = unix.Flock(int(file.Fd()), kind|unix.LOCK_NB)
	if err == nil {
		return &Lock{directory: file}, nil
	}
	closeErr := file.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, closeErr
	}
	return nil, fmt.Errorf("locking %q: %w", directory, err)
}
