package worktree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/gitconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// ForeignError is returned where a working tree claims a repository that knows nothing of it. Whoever packed a
// directory may have written so, and whatever is built of it would see the commits of the user's repository.
type ForeignError struct {
	Tree   string // top of the working tree
	Claims string // what is not the tree's
	Remedy string // what to do where it is
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("%q claims %q, which does not know this working tree", filepath.Join(e.Tree, ".git"), e.Claims)
}

// check fails with a *ForeignError unless the repository is inside the working tree, or has the tree among its own.
func (r Repository) check(dir string) error {
	in, err := inside(dir, r.CommonDir)
	if err != nil {
		return err
	}
	if in {
		return r.standsAlone(dir)
	}
	known, remedy := r.knows, fmt.Sprintf("git --git-dir=%s config core.worktree %s",
		shellWord(r.CommonDir), shellWord(dir))
	switch {
	case filepath.Clean(r.GitDir) != filepath.Clean(r.CommonDir):
		known, remedy = r.hasLinked, fmt.Sprintf("git --git-dir=%s worktree repair %s",
			shellWord(r.CommonDir), shellWord(dir))
	case filepath.Base(r.CommonDir) == ".git": // of a tree that is there: it would be taken from that one
		remedy = "clone the repository instead"
	}
	if ok, err := known(dir); err != nil || !ok {
		return errors.Join(&ForeignError{dir, r.GitDir, remedy}, err)
	}
	return nil
}

// shellWord quotes a name for a shell: whoever packed the directory chose it.
func shellWord(name string) string { return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'" }

// standsAlone makes sure that no link leads out of the tree to what is read of a repository.
func (r Repository) standsAlone(dir string) error {
	if err := checkLink(dir, r.GitDir); err != nil {
		return err
	}
	for _, name := range []string{"HEAD", "index", "refs"} {
		if err := checkLinks(dir, filepath.Join(r.GitDir, name)); err != nil {
			return err
		}
	}
	for _, name := range []string{"config", "packed-refs", "shallow", "refs", "objects"} {
		if err := checkLinks(dir, filepath.Join(r.CommonDir, name)); err != nil {
			return err
		}
	}
	return nil
}

// checkLinks fails where a file, or one below a directory, is a link out of the tree.
func checkLinks(dir, name string) error {
	return filepath.WalkDir(name, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return fs.SkipAll
		}
		if err != nil || entry.Type()&fs.ModeSymlink == 0 {
			return err
		}
		return checkLink(dir, path)
	})
}

// checkLink fails where a file is a link out of the tree, or one to a directory: git makes none, and it would have to be
// followed to see where the links in it lead.
func checkLink(dir, path string) error {
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		return nil // what is not there is missed later
	}
	in, err := inside(dir, path)
	if info, statErr := os.Stat(path); err != nil || !in || statErr == nil && info.IsDir() {
		return errors.Join(&ForeignError{dir, path, "replace the link by what it leads to"}, err)
	}
	return nil
}

// hasLinked tells whether this is a linked working tree of the repository (gitrepository-layout,
// "worktrees/<id>/gitdir").
func (r Repository) hasLinked(dir string) (bool, error) {
	if in, err := inside(filepath.Join(r.CommonDir, "worktrees"), r.GitDir); err != nil || !in {
		return false, err
	}
	// a link may be to that of the right tree
	if info, err := os.Lstat(filepath.Join(dir, ".git")); err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	dotGit, err := readSmall(filepath.Join(r.GitDir, "gitdir"), maxSmallFile)
	if err != nil {
		return false, err
	}
	return same(filepath.Join(dir, ".git"), r.GitDir, dotGit)
}

// knows tells whether the repository has its one working tree here, as that of a submodule does (git-config,
// "core.worktree"; "extensions.worktreeConfig" for where it stands).
func (r Repository) knows(dir string) (bool, error) {
	for _, name := range []string{"config", "config.worktree"} {
		text, err := regular.Read(filepath.Join(r.CommonDir, name), maxConfig)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		entries, err := gitconfig.Parse(string(text))
		if err != nil {
			return false, err
		}
		for _, entry := range entries {
			if entry.Section == "core" && entry.Subsection == "" && entry.Name == "worktree" {
				if ok, err := same(dir, r.CommonDir, entry.Value); ok || err != nil {
					return ok, err
				}
			}
		}
	}
	return false, nil
}

// Carry fails with a *ForeignError where objects of another repository would go along with the tree, which whoever
// packed it may have written into its alternates.
func (r Repository) Carry(dir string) error {
	_, err := r.objectDirectories(dir)
	return err
}

// objectDirectories lists the directory of the objects, and those that it names as alternates.
func (r Repository) objectDirectories(dir string) ([]string, error) {
	ours, err := inside(dir, r.CommonDir)
	if err != nil {
		return nil, err
	}
	objects, err := pack.Directories(r.Objects())
	if err != nil || !ours {
		return objects, err
	}
	for _, directory := range objects[1:] { // the first is the repository's own
		if in, err := inside(dir, directory); err != nil || !in {
			remedy := fmt.Sprintf("git -C %s repack -a -d, then remove .git/objects/info/alternates", shellWord(dir))
			return nil, errors.Join(&ForeignError{dir, directory, remedy}, err)
		}
		if err := checkLinks(dir, directory); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// same tells whether a name, relative to a directory, is that of a file.
func same(file, directory, name string) (bool, error) {
	one, err := os.Stat(file)
	if err != nil {
		return false, err
	}
	if directory, err = filepath.EvalSymlinks(directory); err != nil {
		return false, err
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(directory, name)
	}
	other, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(one, other), err
}

// inside tells whether a file is below a directory, whatever links lead to the two. A link to nothing leads nowhere.
func inside(directory, path string) (bool, error) {
	directory, err := filepath.EvalSymlinks(directory)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	path, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	relative, err := filepath.Rel(directory, path)
	return err == nil && filepath.IsLocal(relative), nil
}
