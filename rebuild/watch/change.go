package watch

import (
	"errors"
	"io/fs"
	"os"
	"slices"
)

// Change is what happened to trees between two moments of quiet.
type Change struct {
	created map[string]bool // paths, and whether the first thing that happened to each was that it came into being
	git     bool
	lost    bool
}

// Git reports whether git wrote something of its own. Often it is nothing new: git status refreshes the index.
func (c Change) Git() bool { return c.git }

// Visible reports whether a build can see the change in files, going by what the trees ignore now.
func (w *Watcher) Visible(c Change) bool { return c.lost || len(w.Files(c)) > 0 }

// Files lists what changed that a build can see, as full paths in their order. What came and went meanwhile cannot be
// seen: editors write files of their own and remove them. Where events were lost the list is not complete.
func (w *Watcher) Files(c Change) []string {
	var files []string
	for path, created := range c.created {
		if w.ignores(path) {
			continue
		}
		if _, err := os.Lstat(path); !created || !errors.Is(err, fs.ErrNotExist) {
			files = append(files, path)
		}
	}
	slices.Sort(files)
	return files
}
