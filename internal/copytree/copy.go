// Package copytree copies files between two directories that neither side can lead out of.
package copytree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oc-rebuild/oc-rebuild/internal/interrupt"
)

// Limits on what is copied.
const (
	MaxEntries = 1_000_000 // files and directories
	MaxBytes   = 64 << 30
)

// Copy copies the file or directory name in from to the place as in to, as cp -r -p does: directories are merged,
// files replace what is there, symbolic links stay links, permissions and times are kept. Devices, sockets and pipes
// are left out, and so are the paths of from in skip, which may end in a slash. Missing directories above as are made.
func Copy(ctx context.Context, from *os.Root, name string, to *os.Root, as string, skip ...string) error {
	c := copier{ctx: ctx, from: from, to: to, skip: map[string]bool{}}
	for _, path := range skip {
		c.skip[filepath.Clean(path)] = true
	}
	info, err := from.Lstat(name)
	if err != nil {
		return err
	}
	if err := to.MkdirAll(filepath.Dir(as), 0o755); err != nil {
		return err
	}
	return c.copy(name, info, as)
}

// CopyLive is Copy of what others change meanwhile: where a file in it was seen and is gone, all is copied again.
func CopyLive(ctx context.Context, from *os.Root, name string, to *os.Root, as string, skip ...string) error {
	for try := 1; ; try++ {
		err := Copy(ctx, from, name, to, as, skip...)
		if !errors.Is(err, fs.ErrNotExist) || try == 10 {
			return err
		}
		if _, gone := from.Lstat(name); gone != nil {
			return err
		}
	}
}

// copier counts what it copies.
type copier struct {
	ctx      context.Context
	from, to *os.Root
	skip     map[string]bool
	entries  int
	bytes    int64
}

func (c *copier) copy(name string, info fs.FileInfo, as string) error {
	if c.entries++; c.entries > MaxEntries {
		return fmt.Errorf("more than %d files", MaxEntries)
	}
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	switch {
	case info.IsDir():
		return c.directory(name, info, as)
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := c.from.Readlink(name)
		if err != nil {
			return err
		}
		return errors.Join(c.clear(as), c.to.Symlink(target, as))
	case info.Mode().IsRegular():
		return c.file(name, info, as)
	}
	return nil
}

func (c *copier) directory(name string, info fs.FileInfo, as string) error {
	there, err := c.to.Lstat(as)
	if err == nil && !there.IsDir() {
		return fmt.Errorf("%q is a directory on one side and not on the other", as)
	}
	if err != nil {
		if err := c.to.Mkdir(as, 0o700); err != nil {
			return err
		}
	}
	entries, err := fs.ReadDir(c.from.FS(), filepath.ToSlash(name))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if c.skip[filepath.Join(name, entry.Name())] {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if err := c.copy(filepath.Join(name, entry.Name()), info, filepath.Join(as, entry.Name())); err != nil {
			return err
		}
	}
	if there != nil && as == "." {
		return nil // the target itself stays as it is
	}
	return c.keep(info, as)
}

func (c *copier) file(name string, info fs.FileInfo, as string) (err error) {
	if c.bytes += info.Size(); c.bytes > MaxBytes {
		return fmt.Errorf("more than %d bytes", int64(MaxBytes))
	}
	source, err := c.from.Open(name)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := c.clear(as); err != nil {
		return err
	}
	target, err := c.to.OpenFile(as, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, interrupt.Reader(c.ctx, source))
	if err := errors.Join(err, target.Close()); err != nil {
		return err
	}
	return c.keep(info, as)
}

// clear removes a file or link that is in the way: writing through a link would write somewhere else.
func (c *copier) clear(as string) error {
	err := c.to.Remove(as)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// keep gives a copy the permissions and the time of its original.
func (c *copier) keep(info fs.FileInfo, as string) error {
	return errors.Join(c.to.Chmod(as, info.Mode().Perm()), c.to.Chtimes(as, info.ModTime(), info.ModTime()))
}
