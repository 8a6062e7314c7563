package rebuild

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A working tree is built where it is, while its user may go on editing. The key of a build says what the tree held before; a file that was
// changed and changed back meanwhile would make it say something else than the image has. The kernel's time of the last change of each file
// and directory, which nobody can set back, tells.

// fileTime returns the time as file systems keep it: their clock is coarser than the program's.
func (j *Job) fileTime() (time.Time, error) {
	file, err := os.CreateTemp(j.scratch, "time-")
	if err != nil {
		return time.Time{}, fmt.Errorf("making a scratch file: %w", err)
	}
	defer os.Remove(file.Name())
	var info unix.Stat_t
	err = unix.Fstat(int(file.Fd()), &info)
	return time.Unix(info.Ctim.Unix()), errors.Join(err, file.Close())
}

// isLive reports whether somebody else may change the files of a unit's source.
func (j *Job) isLive(u *unit) bool {
	return !u.exact() && !strings.HasPrefix(u.tree.Directory, j.scratch+string(filepath.Separator))
}

// changed reports whether anything that the build of a unit can see was changed since the build began.
func (j *Job) changed(u *unit) (bool, error) {
	if !j.isLive(u) {
		return false, nil
	}
	skipped := map[string]bool{".git": true}
	for _, path := range u.tree.Ignored {
		skipped[strings.TrimSuffix(path, "/")] = true
	}
	errChanged := errors.New("changed")
	err := filepath.WalkDir(u.tree.Directory, func(path string, entry fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(u.tree.Directory, path)
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
		if err := unix.Lstat(path, &info); errors.Is(err, fs.ErrNotExist) || err == nil && !time.Unix(info.Ctim.Unix()).Before(u.begun) {
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
