package watch

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Tree is a directory to watch, with everything below it but .git and what is ignored.
type Tree struct {
	Directory string
	Ignored   []string // slash-separated paths below Directory
	// Git are the directories in which git keeps what it knows of the tree, the tree's own first: .git, for a linked
	// working tree that of the repository, and those of submodules. Their refs are watched, not their objects. None for
	// a tree without git.
	Git []string
}

// ignores reports whether a path is of no interest.
func (w *Watcher) ignores(path string) bool {
	for _, tree := range w.trees {
		below, err := filepath.Rel(tree.Directory, path)
		if err != nil || !filepath.IsLocal(below) {
			continue
		}
		below = filepath.ToSlash(below)
		if strings.Contains("/"+below+"/", "/.git/") {
			return true // of this tree, or of a submodule
		}
		for _, ignored := range tree.Ignored {
			ignored = strings.TrimSuffix(ignored, "/")
			if below == ignored || strings.HasPrefix(below, ignored+"/") {
				return true
			}
		}
	}
	return false
}

// temporary reports whether editors give files of their own such a name: swap files, backups, locks, and what they
// rename into place.
func temporary(name string) bool {
	for _, pattern := range []string{
		".*.sw[a-z]", "4913", "*~", // vim
		".#*", "#*#", // emacs
		"*___jb_tmp___", "*___jb_old___", // JetBrains
		".goutputstream-*", ".*.kate-swp",
	} {
		if found, err := path.Match(pattern, name); err == nil && found {
			return true
		}
	}
	return false
}

// lockAge is how long git is believed to be at work after it took the lock of its index. A git that was killed leaves
// the lock behind.
const lockAge = time.Minute

// busy reports whether git is writing one of the trees: it holds the lock of the index from the first file to the last.
func (w *Watcher) busy() bool {
	for _, tree := range w.trees {
		if len(tree.Git) == 0 {
			continue
		}
		info, err := os.Lstat(filepath.Join(tree.Git[0], "index.lock"))
		if err == nil && time.Since(info.ModTime()) < lockAge {
			return true
		}
	}
	return false
}
