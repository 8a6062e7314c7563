package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Tree is a directory to watch, with everything below it but .git and what is ignored.
type Tree struct {
	Directory string
	Ignored   []string // slash-separated paths below Directory
}

// Watcher watches trees from the moment it is opened: what changes before Wait is called is not lost. Close it.
type Watcher struct {
	notify *fsnotify.Watcher
	trees  []Tree
}

// Open begins to watch trees.
func Open(trees []Tree) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching the source: %w", err)
	}
	w := &Watcher{notify: notify, trees: trees}
	for _, tree := range trees {
		if err := w.add(tree.Directory); err != nil {
			return nil, errors.Join(err, notify.Close())
		}
	}
	return w, nil
}

// Close ends the watch.
func (w *Watcher) Close() error { return w.notify.Close() }

// Ignore replaces the trees' lists of what is ignored, which may change with the source.
func (w *Watcher) Ignore(trees []Tree) { w.trees = trees }

// Wait returns when something has changed and then nothing more for a while: editors and git write several files at once. It fails
// with its context.
func (w *Watcher) Wait(ctx context.Context, quiet time.Duration) error {
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-settled:
			return nil
		case event := <-w.notify.Events:
			changed, err := w.changed(event)
			if err != nil {
				return err
			}
			if changed {
				settled = time.After(quiet)
			}
		case err := <-w.notify.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return fmt.Errorf("watching the source: %w", err)
			}
			settled = time.After(quiet) // so many changes that some were not told: whatever they were, there were some
		}
	}
}

// changed reports whether an event is about something that a build can see, and watches directories that are new.
func (w *Watcher) changed(event fsnotify.Event) (bool, error) {
	if event.Op == fsnotify.Chmod || w.ignores(event.Name) { // backup programs and indexers change attributes all the time
		return false, nil
	}
	if info, err := os.Lstat(event.Name); err == nil && info.IsDir() && event.Op.Has(fsnotify.Create) {
		return true, w.add(event.Name)
	}
	return true, nil
}

// add watches a directory and those below it. Directories that vanish meanwhile are none.
func (w *Watcher) add(directory string) error {
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && !entry.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		if w.ignores(path) {
			return fs.SkipDir
		}
		if err := w.notify.Add(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("watching %q: %w", directory, err)
	}
	return nil
}

// ignores reports whether a path is of no interest.
func (w *Watcher) ignores(path string) bool {
	for _, tree := range w.trees {
		below, err := filepath.Rel(tree.Directory, path)
		if err != nil || !filepath.IsLocal(below) {
			continue
		}
		below = filepath.ToSlash(below)
		for _, ignored := range append([]string{".git"}, tree.Ignored...) {
			ignored = strings.TrimSuffix(ignored, "/")
			if below == ignored || strings.HasPrefix(below, ignored+"/") {
				return true
			}
		}
	}
	return false
}
