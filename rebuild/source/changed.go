package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/internal/copytree"
)

// Since returns the paths that are new or other than in an older listing. ok is false where copying these over a copy
// of the older state does not make the newer one: something is gone, or of another kind.
func (l Listing) Since(older Listing) (changed []string, ok bool) {
	for path, line := range older {
		if newer, there := l[path]; !there || kind(newer) != kind(line) {
			return nil, false
		}
	}
	for path, line := range l {
		if before, there := older[path]; before != line {
			if k := kind(line); k != 'd' && k != '-' && (k != 'l' || there) {
				return nil, false
			}
			changed = append(changed, path)
		}
	}
	slices.Sort(changed)
	return changed, true
}

// kind is d of a directory, - of a file, l of a symbolic link; something else of what is none.
func kind(line string) byte { return line[0] }

// CopyChanged copies paths of a directory to an empty one, with the directories above them, so that copying the
// result over a copy of an older state makes the newer one. The error is ErrNotDigested where that is not so.
func CopyChanged(ctx context.Context, directory string, paths []string, to string) error {
	from, err := os.OpenRoot(directory)
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	defer from.Close()
	target, err := os.OpenRoot(to)
	if err != nil {
		return fmt.Errorf("copying what changed: %w", err)
	}
	defer target.Close()
	c := changes{from: from, to: target, made: map[string]fs.FileInfo{}}
	for _, path := range paths {
		if err = c.copy(ctx, path); err != nil {
			break
		}
	}
	if err == nil {
		err = c.keep()
	}
	if err != nil {
		return fmt.Errorf("copying what changed: %w", err)
	}
	return nil
}

// changes is one call of CopyChanged.
type changes struct {
	from, to *os.Root
	made     map[string]fs.FileInfo // directories
}

func (c *changes) copy(ctx context.Context, name string) error {
	info, err := c.from.Lstat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return c.directory(name)
	}
	if stat := new(unix.Stat_t); unix.Lstat(path.Join(c.from.Name(), name), stat) != nil || stat.Nlink > 1 {
		return ErrNotDigested // its other names are not told
	}
	if err := c.directory(path.Dir(name)); err != nil {
		return err
	}
	return copytree.Copy(ctx, c.from, name, c.to, name)
}

// directory makes a directory, and those above it.
func (c *changes) directory(name string) error {
	if c.made[name] != nil {
		return nil
	}
	if name != "." {
		if err := c.directory(path.Dir(name)); err != nil {
			return err
		}
	}
	info, err := c.from.Lstat(name)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return ErrNotDigested // it is being changed
	}
	if name != "." {
		if err := c.to.Mkdir(name, 0o700); err != nil {
			return err
		}
	}
	c.made[name] = info
	return nil
}

// keep gives directories the permissions and times that they have in the source: a copy takes these over, too.
func (c *changes) keep() error {
	names := make([]string, 0, len(c.made))
	for name := range c.made {
		names = append(names, name)
	}
	slices.Sort(names)
	var failures []error
	for _, name := range slices.Backward(names) {
		info := c.made[name]
		failures = append(failures, c.to.Chmod(name, info.Mode()), c.to.Chtimes(name, info.ModTime(), info.ModTime()))
	}
	return errors.Join(failures...)
}
