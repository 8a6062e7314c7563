package worktree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/copytree"
)

// Copy copies the files of a working tree to dest, with a .git that needs nothing outside of dest. Of a submodule that
// git cannot read, whose name ends in a slash, it copies whatever is there; a tracked file that is gone is left out.
func Copy(ctx context.Context, dir string, r Repository, files []string, dest string) error {
	err := within(dir, dest, func(from, to *os.Root) error {
		for _, name := range files {
			name = strings.TrimSuffix(name, "/")
			if err := copytree.Copy(ctx, from, name, to, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return copyGitDir(ctx, dir, r, filepath.Join(dest, ".git"))
}

// CopyAll copies everything in a directory.
func CopyAll(ctx context.Context, dir, dest string) error {
	return within(dir, dest, func(from, to *os.Root) error { return copytree.Copy(ctx, from, ".", to, ".") })
}

// within opens two directories that nothing in them leads out of.
func within(dir, dest string, do func(from, to *os.Root) error) error {
	from, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenRoot(dest)
	if err != nil {
		return err
	}
	defer to.Close()
	return do(from, to)
}

// copyThere copies what is there. A lock that git makes for a moment may be seen and gone.
func copyThere(ctx context.Context, from *os.Root, name string, to *os.Root) error {
	err := copytree.CopyLive(ctx, from, name, to, name)
	if _, gone := from.Lstat(name); errors.Is(gone, fs.ErrNotExist) && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// copyGitDir copies what git needs to read history: not the user's configuration, hooks or remotes.
func copyGitDir(ctx context.Context, dir string, r Repository, dest string) error {
	objects, err := r.objectDirectories(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dest, "objects"), 0o755); err != nil {
		return err
	}
	config := "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
	if err := os.WriteFile(filepath.Join(dest, "config"), []byte(config), 0o644); err != nil {
		return err
	}
	for _, part := range []struct {
		of    string
		names []string
	}{{r.GitDir, []string{"HEAD", "index"}}, {r.CommonDir, []string{"packed-refs", "shallow", "refs"}}} {
		err := within(part.of, dest, func(from, to *os.Root) error {
			for _, name := range part.names {
				if err := copyThere(ctx, from, name, to); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, directory := range objects {
		if err := CopyAll(ctx, directory, filepath.Join(dest, "objects")); err != nil {
			return fmt.Errorf("copying git objects: %w", err)
		}
	}
	if err := os.Remove(filepath.Join(dest, "objects", "info", "alternates")); err != nil &&
		!errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
