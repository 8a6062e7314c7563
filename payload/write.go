package payload

import (
	"fmt"
	"io"
	"os"
)

// WriteFiles writes the files of the release layer into a directory, which is made if it is not there, with their
// times.
func (a *Assembly) WriteFiles(directory string) error {
	return WriteFiles(directory, a.Files())
}

// WriteFiles writes files into a directory, which is made if it is not there, with their times. Nothing is written
// outside of it, whatever the names or what stands in the directory already.
func WriteFiles(directory string, files []File) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return fmt.Errorf("writing manifests: %w", err)
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return fmt.Errorf("writing manifests: %w", err)
	}
	defer root.Close()
	for _, file := range files {
		if err := writeFile(root, file); err != nil {
			return fmt.Errorf("writing manifests to %q: %w", directory, err)
		}
	}
	return nil
}

func writeFile(root *os.Root, file File) error {
	if err := root.WriteFile(file.Name, file.Data, 0o644); err != nil {
		return err
	}
	if file.ModTime.IsZero() {
		return nil
	}
	return root.Chtimes(file.Name, file.ModTime, file.ModTime)
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
