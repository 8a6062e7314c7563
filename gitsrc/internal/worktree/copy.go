package worktree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/interrupt"
)

// Copy copies the files of a working tree to dest, with a .git that needs nothing outside of dest.
func Copy(ctx context.Context, dir string, r Repository, files []string, dest string) error {
	c, err := newCopier(ctx, dir, dest)
	if err != nil {
		return err
	}
	defer c.close()
	for _, name := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if strings.HasSuffix(name, "/") { // a submodule: whatever is there
			err = c.directory(ctx, strings.TrimSuffix(name, "/"))
		} else {
			err = c.entry(name)
		}
		if err != nil {
			return err
		}
	}
	return copyGitDir(ctx, r, filepath.Join(dest, ".git"))
}

// CopyAll copies everything in a directory.
func CopyAll(ctx context.Context, dir, dest string) error {
	c, err := newCopier(ctx, dir, dest)
	if err != nil {
		return err
	}
	defer c.close()
	return c.directory(ctx, ".")
}

// copier copies between two directories and never leaves either through a symbolic link.
type copier struct {
	ctx      context.Context
	from, to *os.Root
	made     map[string]bool
}

func newCopier(ctx context.Context, from, to string) (*copier, error) {
	source, err := os.OpenRoot(from)
	if err != nil {
		return nil, err
	}
	target, err := os.OpenRoot(to)
	if err != nil {
		source.Close()
		return nil, err
	}
	return &copier{ctx, source, target, map[string]bool{".": true}}, nil
}

func (c *copier) close() {
	c.from.Close()
	c.to.Close()
}

func (c *copier) directory(ctx context.Context, dir string) error {
	return fs.WalkDir(c.from.FS(), dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if e.IsDir() {
			return c.parents(name)
		}
		return c.entry(name)
	})
}

// parents makes a directory and those above it.
func (c *copier) parents(dir string) error {
	if c.made[dir] {
		return nil
	}
	if err := c.parents(path.Dir(dir)); err != nil {
		return err
	}
	c.made[dir] = true
	if err := c.to.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// entry copies a file or a symbolic link. A tracked file that is gone, and what is neither file nor link, is left out.
func (c *copier) entry(name string) error {
	info, err := c.from.Lstat(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := c.parents(path.Dir(name)); err != nil {
		return err
	}
	switch {
	case info.Mode()&os.ModeSymlink != 0:
		target, err := c.from.Readlink(name)
		if err != nil {
			return err
		}
		return c.to.Symlink(target, name)
	case !info.Mode().IsRegular():
		return nil
	}
	in, err := c.from.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := c.to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, interrupt.Reader(c.ctx, in)); err != nil {
		return errors.Join(err, out.Close())
	}
	if err := out.Close(); err != nil {
		return err
	}
	return c.to.Chtimes(name, info.ModTime(), info.ModTime())
}

const maxAlternates = 16

// copyGitDir copies what git needs to read history: not the user's configuration, hooks or remotes.
func copyGitDir(ctx context.Context, r Repository, to string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for name, dir := range map[string]string{"HEAD": r.GitDir, "index": r.GitDir, "packed-refs": r.CommonDir, "shallow": r.CommonDir} {
		if err := copyFile(ctx, filepath.Join(to, name), filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	config := "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
	if err := os.WriteFile(filepath.Join(to, "config"), []byte(config), 0o644); err != nil {
		return err
	}
	if err := copyTree(ctx, filepath.Join(r.CommonDir, "refs"), filepath.Join(to, "refs")); err != nil {
		return err
	}
	objects := []string{r.Objects()}
	for i := 0; i < len(objects) && i < maxAlternates; i++ {
		if err := copyTree(ctx, objects[i], filepath.Join(to, "objects")); err != nil {
			return fmt.Errorf("copying git objects: %w", err)
		}
		text, err := readSmall(filepath.Join(objects[i], "info", "alternates"), maxSmallFile)
		if err != nil {
			continue
		}
		for _, line := range strings.Fields(text) {
			if !filepath.IsAbs(line) {
				line = filepath.Join(objects[i], line)
			}
			objects = append(objects, line)
		}
	}
	if err := os.Remove(filepath.Join(to, "objects", "info", "alternates")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func copyTree(ctx context.Context, from, to string) error {
	return filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		target := filepath.Join(to, strings.TrimPrefix(name, from))
		switch {
		case e.IsDir():
			return os.MkdirAll(target, 0o755)
		case e.Type().IsRegular() && !strings.HasSuffix(name, ".lock"):
			if err := copyFile(ctx, target, name); err != nil && !errors.Is(err, os.ErrExist) {
				return err
			}
		}
		return nil
	})
}

func copyFile(ctx context.Context, to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, interrupt.Reader(ctx, in)); err != nil {
		return errors.Join(err, out.Close())
	}
	return out.Close()
}
