package source

import (
	"context"
	"errors"
	"fmt"
	"os"
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
func (k *Keeper) IsChanged(ctx context.Context, tree gitsrc.Tree, since time.Time) (bool, error) {
	if !k.IsLive(tree) {
		return false, nil
	}
	root, err := os.OpenRoot(tree.Directory)
	if err != nil {
		return false, fmt.Errorf("reading the source: %w", err)
	}
	defer root.Close()
	isChanged := func(info *unix.Stat_t) bool { return info == nil || !time.Unix(info.Ctim.Unix()).Before(since) }
	var top unix.Stat_t
	if err := unix.Lstat(tree.Directory, &top); err != nil {
		return false, fmt.Errorf("reading the source: %w", err)
	}
	errChanged := errors.New("changed")
	err = errChanged
	if !isChanged(&top) {
		err = walk(ctx, root, leftOut(tree.LeftOut()), func(_ string, info *unix.Stat_t) error {
			if isChanged(info) {
				return errChanged
			}
			return nil
		})
	}
	if errors.Is(err, errChanged) {
		return true, nil
	}
	if err != nil {
		err = fmt.Errorf("reading the source in %q: %w", tree.Directory, err)
	}
	return false, err
}
