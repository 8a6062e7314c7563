package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/oc-rebuild/oc-rebuild/internal/flock"
)

// lock is a hold on a repository of the cache.
type lock struct{ file *os.File }

// acquire waits for the lock. waiting is called once if somebody else has it.
func acquire(ctx context.Context, path string, kind flock.Kind, waiting func()) (*lock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the source cache: %w", err)
	}
	if err := flock.Wait(ctx, file, kind, waiting); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &lock{file}, nil
}

func (l *lock) release() { l.file.Close() }
