package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/flock"
)

// Prune removes what was last used before a time, and returns it. It waits for runs that use the cache; waiting hears
// of that, once. first is done before anything is removed, when no run uses the cache any more; nil = nothing. What
// cannot be removed does not keep the rest.
func Prune(ctx context.Context, directory string, before time.Time,
	first func() error, waiting func()) (removed []Entry, err error) {
	if _, err := os.Stat(directory); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	lock, err := flock.Use(ctx, directory, flock.Exclusive, waiting)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if first != nil {
		err = first()
	}
	entries, listErr := List(directory)
	removed, removeErr := remove(slices.DeleteFunc(entries, func(e Entry) bool { return !e.LastUsed.Before(before) }))
	return removed, errors.Join(err, listErr, removeErr)
}

// remove removes entries, and returns those that are gone.
func remove(entries []Entry) (removed []Entry, err error) {
	for _, entry := range entries {
		if entry.Kind == Compile { // what is cut off here is not whole
			_ = os.Remove(filepath.Join(entry.Path, generationFile))
		}
		if failed := RemoveAll(entry.Path); failed != nil {
			err = errors.Join(err, fmt.Errorf("pruning the cache: %w", failed))
			continue
		}
		removed = append(removed, entry)
	}
	return removed, err
}

// Before returns the time before which entries have to go so that those which are left take at most keep bytes: what
// was used longest ago goes first.
func Before(entries []Entry, keep int64) time.Time {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b Entry) int { return b.LastUsed.Compare(a.LastUsed) })
	for _, entry := range entries {
		if keep -= entry.Bytes; keep < 0 {
			return entry.LastUsed.Add(1)
		}
	}
	return time.Time{}
}

// Trim brings the entries of one kind down to a size, in bytes, unless another run uses the cache.
func Trim(directory, kind string, size int64) error {
	lock, err := flock.Seize(directory)
	if lock == nil || err != nil {
		return err
	}
	entries, err := List(directory)
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Kind != kind })
	before := Before(entries, size)
	_, removeErr := remove(slices.DeleteFunc(entries, func(e Entry) bool { return !e.LastUsed.Before(before) }))
	return errors.Join(err, removeErr, lock.Release())
}

// RemoveAll is os.RemoveAll for trees with directories that not even their owner may write to, as Go's module cache
// has them. Nothing outside is changed, even if somebody replaces directories by links meanwhile.
func RemoveAll(path string) error {
	err := os.RemoveAll(path)
	if err == nil {
		return nil
	}
	if info, failed := os.Lstat(path); failed != nil || !info.IsDir() {
		return err
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return err
	}
	_ = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = root.Chmod(name, 0o700)
		}
		return nil
	})
	return errors.Join(root.Close(), os.RemoveAll(path))
}
