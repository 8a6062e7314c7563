package payload

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteFiles writes the files of the release layer into a directory, which is made if it is not there, with their
// times.
func (a *Assembly) WriteFiles(directory string) error {
	return WriteFiles(directory, a.Files())
}

// WriteFiles writes files into a directory, which is made if it is not there, with their times: all of them or, where
// one cannot be written, none. Nothing is written outside of it, whatever the names or what stands in the directory
// already.
func WriteFiles(directory string, files []File) error {
	if err := writeFiles(directory, files); err != nil {
		return fmt.Errorf("writing manifests to %q: %w", directory, err)
	}
	return nil
}

func writeFiles(directory string, files []File) (err error) {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return err
	}
	defer root.Close()
	incomplete, err := os.MkdirTemp(directory, ".incomplete-")
	if err != nil {
		return err
	}
	incomplete = filepath.Base(incomplete)
	defer func() { err = errors.Join(err, root.RemoveAll(incomplete)) }()
	for _, file := range files {
		if err := writeFile(root, filepath.Join(incomplete, file.Name), file); err != nil {
			return err
		}
	}
	for _, file := range files {
		if err := root.Rename(filepath.Join(incomplete, file.Name), file.Name); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(root *os.Root, name string, file File) error {
	if filepath.Base(file.Name) != file.Name {
		return fmt.Errorf("%q is not the name of a file", file.Name)
	}
	if err := root.WriteFile(name, file.Data, 0o644); err != nil {
		return err
	}
	if file.ModTime.IsZero() {
		return nil
	}
	return root.Chtimes(name, file.ModTime, file.ModTime)
}

// WriteLayer writes the release layer as a gzipped tar, as it is pushed.
func (a *Assembly) WriteLayer(w io.Writer) error {
	top, err := a.layer.pack()
	if err != nil {
		return fmt.Errorf("packing the release layer: %w", err)
	}
	if _, err := w.Write(top.data); err != nil {
		return fmt.Errorf("writing the release layer: %w", err)
	}
	return nil
}
