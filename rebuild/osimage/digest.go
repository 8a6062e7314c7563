package osimage

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
)

// Digest digests a build context and what it is applied to, for the mark in a version: the same changes of the same
// image have the same.
func Digest(context fs.FS, base string) (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n", base)
	err := fs.WalkDir(context, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name == ".git" {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil // of a linked worktree or a submodule
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%q %v %d\n", name, info.Mode(), info.Size())
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			points, err := fs.ReadLink(context, name)
			fmt.Fprintf(sum, "%q\n", points)
			return err
		case info.Mode().IsRegular():
			file, err := context.Open(name)
			if err != nil {
				return err
			}
			defer file.Close()
			_, err = io.Copy(sum, file)
			return err
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("reading the build context: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
