package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
)

// A working tree is built where it is, while its user may go on editing. The key of a build says what the tree held
// before; a file that was changed and changed back meanwhile would make it say something else than the image has. The
// kernel's time of the last change of each file and directory, which nobody can set back, tells.

// Now returns the time as file systems keep it: their clock is coarser than the program's.
func (k *Keeper) Now() (time.Time, error) {
	file, err := os.CreateTemp(k.directory, "time-")
	if err != nil {
		return time.Time{}, fmt.Errorf("making a scratch file: %w", err)
	}
	defer os.Remove(file.Name())
	var info unix.Stat_t
	err = unix.Fstat(int(file.Fd()), &info)
	return time.Unix(info.Ctim.Unix()), errors.Join(err, file.Close())
}

// IsChanged reports whether anything that a build can see of a tree was changed since a time.
func (k *Keeper) IsChanged(tree gitsrc.Tree, since time.Time) (bool, error) {
	if !k.IsLive(tree) {
		return false, nil
	}
	skipped := leftOut(tree.LeftOut())
	errChanged := errors.New("changed")
	err := filepath.WalkDir(tree.Directory, func(path string, entry fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(tree.Directory, path)
		if err := errors.Join(err, relErr); errors.Is(err, fs.ErrNotExist) {
			return errChanged
		} else if err != nil {
			return err
		}
		if skipped[filepath.ToSlash(name)] {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		var info unix.Stat_t
		if err := unix.Lstat(path, &info); errors.Is(err, fs.ErrNotExist) ||
			err == nil && !time.Unix(info.Ctim.Unix()).Before(since) {
			return errChanged
		} else if err != nil {
			return fmt.Errorf("reading %q: %w", path, err)
		}
		return nil
	})
	if errors.Is(err, errChanged) {
		return true, nil
	}
	return false, err
}
