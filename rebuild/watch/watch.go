package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Watcher watches trees from the moment it is opened: what changes before Wait is called is not lost. Close it.
type Watcher struct {
	notify     *fsnotify.Watcher
	trees      []Tree
	executable map[string]bool // of the files that were seen
}

// Open begins to watch trees.
func Open(trees []Tree) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, explain(err, "the sources")
	}
	w := &Watcher{notify: notify, executable: map[string]bool{}}
	if err := w.Update(trees); err != nil {
		return nil, errors.Join(err, notify.Close())
	}
	return w, nil
}

// Close ends the watch.
func (w *Watcher) Close() error { return w.notify.Close() }

// Update replaces the descriptions of the trees, which may change with the source: what is ignored no more is watched
// from now on, and what is ignored now no longer.
func (w *Watcher) Update(trees []Tree) error {
	w.trees = trees
	for _, path := range w.notify.WatchList() {
		if w.ignores(path) && !w.isGit(path) {
			_ = w.notify.Remove(path) // it may be gone
		}
	}
	for _, tree := range trees {
		if err := w.add(tree.Directory); err != nil {
			return err
		}
		for _, directory := range tree.Git {
			if err := w.addGit(directory); err != nil {
				return err
			}
		}
	}
	return nil
}

// Wait returns what has changed once something has and then nothing more for a while: editors and git write several
// files at once. It fails with its context.
func (w *Watcher) Wait(ctx context.Context, quiet time.Duration) (Change, error) {
	change := Change{created: map[string]bool{}}
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return Change{}, context.Cause(ctx)
		case <-settled:
			if !w.busy() {
				return change, nil
			}
			settled = time.After(quiet)
		case event := <-w.notify.Events:
			changed, err := w.note(&change, event)
			if err != nil {
				return Change{}, err
			}
			if changed {
				settled = time.After(quiet)
			}
		case err := <-w.notify.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return Change{}, fmt.Errorf("watching the source: %w", err)
			}
			change.lost = true // so many changes that some were not told: whatever they were, there were some
			settled = time.After(quiet)
		}
	}
}

// note adds an event to a change, unless it is about nothing that a build can see, and watches directories that are
// new.
func (w *Watcher) note(change *Change, event fsnotify.Event) (bool, error) {
	if event.Op == fsnotify.Chmod && !w.see(event.Name) {
		return false, nil // backup programs and indexers change attributes all the time
	}
	if w.isGit(event.Name) {
		change.git = true
		return true, w.addGitBelow(event)
	}
	if w.ignores(event.Name) || temporary(filepath.Base(event.Name)) {
		return false, nil
	}
	w.see(event.Name)
	if _, known := change.created[event.Name]; !known {
		change.created[event.Name] = event.Has(fsnotify.Create)
	}
	if event.Has(fsnotify.Create) && isDirectory(event.Name) {
		return true, w.add(event.Name)
	}
	return true, nil
}

// see remembers whether a file can be executed, and reports whether that has changed since it was seen last: it is the
// one attribute that git keeps, and that a step may stumble over.
func (w *Watcher) see(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	now := info.Mode()&0o111 != 0
	was, known := w.executable[path]
	w.executable[path] = now
	return known && was != now
}

// add watches a directory and those below it. Directories that vanish meanwhile are none.
func (w *Watcher) add(directory string) error {
	return filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		// what was seen stays as it was: an event that tells of a change may still be on its way
		if _, seen := w.executable[path]; err == nil && !seen && entry.Type().IsRegular() && !w.ignores(path) {
			w.see(path)
		}
		if errors.Is(err, fs.ErrNotExist) || err == nil && !entry.IsDir() {
			return nil
		}
		if err != nil {
			return fmt.Errorf("watching %q: %w", directory, err)
		}
		if w.ignores(path) {
			return fs.SkipDir
		}
		return w.addOne(path)
	})
}

// addOne watches the entries of one directory.
func (w *Watcher) addOne(directory string) error {
	if err := w.notify.Add(directory); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain(err, fmt.Sprintf("%q", directory))
	}
	return nil
}

// explain names the kernel's limit that keeps something from being watched, and how to raise it. The kernel's own
// words are that too many files are open, or that no space is left on the device.
func explain(err error, what string) error {
	limit, value := "", ""
	switch {
	case errors.Is(err, syscall.ENOSPC):
		limit, value = "fs.inotify.max_user_watches", "524288"
	case errors.Is(err, syscall.EMFILE):
		limit, value = "fs.inotify.max_user_instances", "512"
	default:
		return fmt.Errorf("watching %s: %w", what, err)
	}
	advice := fmt.Sprintf("As root: sysctl -w %s=%s; a file in /etc/sysctl.d keeps it. Editors and other programs that watch files use up the same limit.", limit, value)
	return fault.New(fault.Other, advice, fmt.Errorf("watching %s: this user's limit %s is reached: %w",
		what, limit, err))
}

func isDirectory(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir()
}
