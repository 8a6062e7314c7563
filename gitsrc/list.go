package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/flock"
)

// maxPacks is how many packs a cached repository may have before it is begun anew: each new commit adds one, and each
// is searched.
const maxPacks = 64

// Cached is one repository of the cache.
type Cached struct {
	Repository string    `json:"repository"` // HOST/PATH
	Directory  string    `json:"directory"`
	Commits    int       `json:"commits"`  // that need no network
	Bytes      int64     `json:"bytes"`    // on disk
	LastUsed   time.Time `json:"lastUsed"` // when a commit of it was asked for
}

// List returns the repositories of the cache, sorted by name.
func (s *Store) List() ([]Cached, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("listing the source cache: %w", err)
	}
	var all []Cached
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), repositorySuffix)
		if !ok || !e.IsDir() {
			continue
		}
		c := Cached{Repository: name, Directory: filepath.Join(s.dir, e.Name())}
		if plain, err := url.PathUnescape(name); err == nil {
			c.Repository = plain
		}
		if err := c.measure(); err != nil {
			return nil, fmt.Errorf("listing the source cache: %w", err)
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Cached) int { return strings.Compare(a.Repository, b.Repository) })
	return all, nil
}

// measure adds up a repository. What another run removes meanwhile is left out.
func (c *Cached) measure() error {
	return filepath.WalkDir(c.Directory, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return nil
		}
		c.Bytes += info.Size()
		if filepath.Base(filepath.Dir(filepath.Dir(path))) == "oc-rebuild" {
			c.Commits++
			if info.ModTime().After(c.LastUsed) {
				c.LastUsed = info.ModTime()
			}
		}
		return nil
	})
}

// Prune removes the repositories that were not used since before, and returns them. A repository that another run
// uses is waited for.
func (s *Store) Prune(ctx context.Context, before time.Time) ([]Cached, error) {
	if err := s.sweep(); err != nil {
		return nil, err
	}
	all, err := s.List()
	if err != nil {
		return nil, err
	}
	var removed []Cached
	for _, c := range all {
		if !c.LastUsed.Before(before) {
			continue
		}
		if err := s.remove(ctx, &repository{path: c.Directory}); err != nil {
			return removed, err
		}
		removed = append(removed, c)
	}
	return removed, nil
}

const leftOver = time.Hour // after which a temporary file is taken for what a killed run has left

// sweep removes what runs that were killed have left outside of the repositories.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(s.dir)
	for _, e := range entries {
		info, infoErr := e.Info()
		if infoErr == nil && strings.HasPrefix(e.Name(), pack.TemporaryPrefix) &&
			time.Since(info.ModTime()) > leftOver {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, e.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("sweeping the source cache: %w", err)
	}
	return nil
}

// remove throws a repository of the cache away.
func (s *Store) remove(ctx context.Context, r *repository) error {
	exclusive, err := acquire(ctx, r.lockPath(), flock.Exclusive, s.waiting(ctx, r.address))
	if err != nil {
		return err
	}
	defer exclusive.release()
	return s.discard(r)
}

// discard moves the repository away before it takes it apart, so that no part of it is ever taken for the whole.
func (s *Store) discard(r *repository) error {
	gone, err := os.MkdirTemp(s.dir, pack.TemporaryPrefix+"gone-")
	if err != nil {
		return fmt.Errorf("removing from the source cache: %w", err)
	}
	if err := os.Rename(r.path, filepath.Join(gone, "repository")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing from the source cache: %w", err)
	}
	return os.RemoveAll(gone)
}

// compact begins a repository anew when it has collected too many packs. The caller has the exclusive lock.
func (s *Store) compact(r *repository) error {
	entries, err := os.ReadDir(r.packs())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(entries)/2 < maxPacks {
		return nil
	}
	return s.discard(r)
}
