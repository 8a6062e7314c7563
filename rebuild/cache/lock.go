package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
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

// ours reports whether a path is a directory of this user, and not a link to one.
func ours(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}
