package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// refs is the directory of the branches and tags of a repository.
const refs = "refs"

// addGit watches the files of a repository that say what is checked out: HEAD, the index, refs.
func (w *Watcher) addGit(directory string) error {
	if err := w.addOne(directory); err != nil {
		return err
	}
	return w.addRefs(filepath.Join(directory, refs))
}

// addRefs watches a directory of refs and those below it. Directories that vanish meanwhile are none.
func (w *Watcher) addRefs(directory string) error {
	return filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && !entry.IsDir() {
			return nil
		}
		if err != nil {
			return fmt.Errorf("watching %q: %w", directory, err)
		}
		return w.addOne(path)
	})
}

// addGitBelow watches a new directory of refs: feature/ of a branch feature/x.
func (w *Watcher) addGitBelow(event fsnotify.Event) error {
	if !event.Has(fsnotify.Create) || !isDirectory(event.Name) {
		return nil
	}
	for _, tree := range w.trees {
		for _, directory := range tree.Git {
			if strings.HasPrefix(event.Name, filepath.Join(directory, refs)) {
				return w.addRefs(event.Name)
			}
		}
	}
	return nil
}

// isGit reports whether a path is one of git's own directories that are watched, or in one.
func (w *Watcher) isGit(path string) bool {
	for _, tree := range w.trees {
		for _, directory := range tree.Git {
			if path == directory || filepath.Dir(path) == directory ||
				strings.HasPrefix(path, filepath.Join(directory, refs)+"/") {
				return true
			}
		}
	}
	return false
}
