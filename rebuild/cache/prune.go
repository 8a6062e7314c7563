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
		if err := removeAll(entry.Path); err != nil {
			return removed, fmt.Errorf("pruning the cache: %w", err)
		}
		removed = append(removed, entry)
	}
	return removed, nil
}

// removeAll is os.RemoveAll for trees with directories that not even their owner may write to, as Go's module cache has them.
func removeAll(path string) error {
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

// Orphans removes the scratch directories below parent, named prefix and more, whose runs were killed: a run that lives holds a lock on
// its own. It returns their paths.
func Orphans(parent, prefix string) (removed []string, err error) {
	paths, err := filepath.Glob(filepath.Join(parent, prefix+"*"))
	if err != nil {
		return nil, fmt.Errorf("looking for scratch directories: %w", err)
	}
	for _, path := range paths {
		if !ours(path) {
			continue
		}
		lock, err := try(path, exclusive)
		if err != nil || lock == nil {
			continue // in use
		}
		err = errors.Join(removeAll(path), lock.Release())
		if err != nil {
			return removed, fmt.Errorf("removing a scratch directory: %w", err)
		}
		removed = append(removed, path)
	}
	return removed, nil
}
