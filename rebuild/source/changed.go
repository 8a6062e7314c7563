package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

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
			if there && kind(line) == 'l' {
				return nil, false
			}
			changed = append(changed, path)
		}
	}
	slices.Sort(changed)
	return changed, true
}

// IsPlain reports whether there are files, directories and symbolic links alone in the directory that was listed, no
// file under two names, and nothing with an extended attribute or more than permissions in its mode.
func (l Listing) IsPlain(directory string) bool {
	type inode struct{ device, number uint64 }
	seen := map[inode]bool{}
	for name, line := range l {
		if k := kind(line); k != 'd' && k != '-' && k != 'l' {
			return false
		}
		var info unix.Stat_t
		if err := unix.Lstat(filepath.Join(directory, name), &info); err != nil {
			return false // it is being changed
		}
		if info.Mode&(unix.S_ISUID|unix.S_ISGID|unix.S_ISVTX) != 0 || hasAttributes(filepath.Join(directory, name)) {
			return false
		}
		if one := (inode{uint64(info.Dev), info.Ino}); info.Nlink > 1 && info.Mode&unix.S_IFMT != unix.S_IFDIR {
			if seen[one] {
				return false
			}
			seen[one] = true
		}
	}
	return true
}

// hasAttributes reports whether a file has extended attributes that a copy would have; the label of SELinux is the
// file system's.
func hasAttributes(path string) bool {
	list := make([]byte, 1<<10)
	n, err := unix.Llistxattr(path, list)
	if errors.Is(err, unix.ENOTSUP) {
		return false
	}
	if err != nil {
		return true
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list[:n]), "\x00"), "\x00") {
		if name != "" && name != "security.selinux" {
			return true
		}
	}
	return false
}

// kind is d of a directory, - of a file, l of a symbolic link; something else of what is none.
func kind(line string) byte {
	if line == "" {
		return 0
	}
	return line[0]
}

// Copy copies everything that is listed of a directory to another one, as CopyChanged does.
func (l Listing) Copy(ctx context.Context, directory string, to *os.Root) error {
	return CopyChanged(ctx, directory, l.paths(), to)
}

// CopyChanged copies paths of a directory over another one, with the directories above them. Where that is a copy of an
// older state, it becomes one of the newer. The error is ErrNotDigested where that cannot be told.
func CopyChanged(ctx context.Context, directory string, paths []string, to *os.Root) error {
	from, err := os.OpenRoot(directory)
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	defer from.Close()
	c := changes{from: from, to: to, made: map[string]fs.FileInfo{}}
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
		if there, err := c.to.Lstat(name); err != nil || !there.IsDir() {
			if err := errors.Join(c.to.RemoveAll(name), c.to.Mkdir(name, 0o700)); err != nil {
				return err
			}
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
