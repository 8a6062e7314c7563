package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Lock is a hold on a directory, which ends with the process at the latest.
type Lock struct{ directory *os.File }

// Use waits for a lock on a directory as Wait does.
func Use(ctx context.Context, directory string, kind Kind, waiting func()) (*Lock, error) {
	file, err := os.Open(directory)
	if err != nil {
		return nil, fmt.Errorf("locking a directory: %w", err)
	}
	if err := Wait(ctx, file, kind, waiting); err != nil {
		return nil, errors.Join(fmt.Errorf("waiting for another run: %w", err), file.Close())
	}
	return &Lock{file}, nil
}

// Hold takes a hold on a directory that nobody else has a hold on.
func Hold(directory string) (*Lock, error) {
	lock, err := try(directory, Shared)
	if lock == nil && err == nil {
		err = fmt.Errorf("locking %q: somebody else has it", directory)
	}
	return lock, err
}

// MakeHeld makes a directory with a name that begins with prefix, and takes a hold on it. Who looks for directories
// that nobody holds may remove it before that: then it is made again. The bound only ends what can never succeed, as
// on a file system without locks: on a busy machine several tries in a row may lose.
func MakeHeld(parent, prefix string) (path string, lock *Lock, err error) {
	for range 1000 {
		if path, err = os.MkdirTemp(parent, prefix); err != nil {
			return "", nil, fmt.Errorf("making a directory of this run: %w", err)
		}
		if lock, err = Hold(path); err != nil {
			_ = os.Remove(path) // whoever looked at it may have done that
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
func Seize(directory string) (*Lock, error) { return try(directory, Exclusive) }

// Release ends the hold.
func (l *Lock) Release() error { return l.directory.Close() }

// try returns a lock, or nil where another process has one that excludes it.
func try(directory string, kind Kind) (*Lock, error) {
	file, err := os.Open(directory)
	if err != nil {
		return nil, fmt.Errorf("locking a directory: %w", err)
	}
	if ok, err := Try(file, kind); !ok || err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &Lock{file}, nil
}
