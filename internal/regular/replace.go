package regular

import (
	"errors"
	"os"
	"path/filepath"
)

// temporaryPrefix begins the names of files that are not complete, beside those that they become.
const temporaryPrefix = ".new-"

// Replace writes a file so that every reader finds its old content or the new one, never a part. Other runs may write
// it at the same time: one of them wins. Where it fails nothing is left beside the file.
func Replace(name string, data []byte, mode os.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(name), temporaryPrefix)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Chmod(mode), file.Close()); err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
