package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Prune removes what was last used before a time, and returns it. It waits for runs that use the cache; waiting hears of that, once.
func Prune(ctx context.Context, directory string, before time.Time, waiting func()) (removed []Entry, err error) {
	if _, err := os.Stat(directory); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	lock, err := acquire(ctx, directory, exclusive, waiting)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	entries, err := List(directory)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if !entry.LastUsed.Before(before) {
			continue
		}
		if err := RemoveAll(entry.Path); err != nil {
			return removed, fmt.Errorf("pruning the cache: %w", err)
		}
		removed = append(removed, entry)
	}
	return removed, nil
}

// RemoveAll is os.RemoveAll for trees with directories that not even their owner may write to, as Go's module cache has them.
func RemoveAll(path string) error {
	if err := os.RemoveAll(path); err == nil {
		return nil
	}
	_ = filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(path)
}
