package watch

import (
	"errors"
	"io/fs"
	"os"
)

// Change is what happened to trees between two moments of quiet.
type Change struct {
	created map[string]bool // paths, and whether the first thing that happened to each was that it came into being
	git     bool
	lost    bool
}

// Git reports whether git wrote something of its own. Often it is nothing new: git status refreshes the index.
func (c Change) Git() bool { return c.git }

// Visible reports whether a build can see the change in files, going by what the trees ignore now. What came and went
// meanwhile cannot be seen: editors write files of their own and remove them.
func (w *Watcher) Visible(c Change) bool {
	if c.lost {
		return true
	}
	for path, created := range c.created {
		if w.ignores(path) {
			continue
		}
		if _, err := os.Lstat(path); !created || !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}
