package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

const (
	// of the file that git keeps in place of a large one (git-lfs specification)
	pointerPrefix  = "version https://git-lfs.github.com/spec/v1\n"
	maxPointer     = 1024    // bytes of such a file, at most
	maxAttributes  = 1 << 20 // bytes of .gitattributes that are looked at
	attributesFile = ".gitattributes"
)

// warnOfPointers says how many files of a checkout are pointers of git LFS. Nothing here fetches what they stand for,
// as nothing does in CI: its clone runs no filters either, so the build there sees the same files.
func (k *Keeper) warnOfPointers(ctx context.Context, component string, tree gitsrc.Tree) error {
	count, err := countPointers(ctx, tree.Directory)
	if err != nil {
		return fmt.Errorf("looking for git LFS files in the source: %w", err)
	}
	if count > 0 {
		k.report.Report(component, progress.Fetch, progress.Warned,
			"%d files are git LFS pointers, not the files that they stand for; CI's clone has the same. "+
				"To build with the files, run `git lfs pull` in a clone and name that as the source", count)
	}
	return nil
}

// countPointers counts the files below a directory that are pointers of git LFS, if its .gitattributes mentions LFS
// at all. Links are not followed.
func countPointers(ctx context.Context, directory string) (count int, err error) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	attributes, err := readStart(root, attributesFile, maxAttributes)
	if err != nil || !bytes.Contains(attributes, []byte("filter=lfs")) {
		return 0, err
	}
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if entry.IsDir() && entry.Name() == ".git" {
			return fs.SkipDir
		}
		start, err := readStart(root, name, maxPointer+1)
		if err == nil && len(start) <= maxPointer && bytes.HasPrefix(start, []byte(pointerPrefix)) {
			count++
		}
		return err
	})
	return count, err
}

// readStart reads the first bytes of a regular file; what is none, or may not be read, has none.
func readStart(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	file, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, limit))
}
