// Package regular reads files that somebody named, and replaces files whole. A named pipe or a device in the place of a
// file would be waited for without end, or never end; no library refuses them.
package regular

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Open opens a file for reading, and nothing that is not a regular file; besides a pipe that the shell opened
// already, as in `--patch <(git diff)`.
func Open(name string) (*os.File, error) {
	return check(os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0))
}

// OpenIn is Open for a file below a directory.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	return check(root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0))
}

func check(file *os.File, err error) (*os.File, error) {
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() &&
		!(info.Mode()&os.ModeNamedPipe != 0 && strings.HasPrefix(file.Name(), "/dev/fd/")) {
		err = &os.PathError{Op: "open", Path: file.Name(),
			Err: fmt.Errorf("it is a %s, not a regular file", kind(info.Mode()))}
	}
	if err != nil {
		_ = file.Close() // nothing was written
		return nil, err
	}
	return file, nil
}

func kind(mode os.FileMode) string {
	switch {
	case mode.IsDir():
		return "directory"
	case mode&os.ModeNamedPipe != 0:
		return "named pipe"
	case mode&os.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// Read reads a whole file of at most limit bytes. A larger one is an error that names the limit.
func Read(name string, limit int64) ([]byte, error) {
	file, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return All(file, name, limit)
}

// ReadIn is Read for a file below a directory.
func ReadIn(root *os.Root, name string, limit int64) ([]byte, error) {
	file, err := OpenIn(root, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return All(file, name, limit)
}

// All reads a stream of at most limit bytes to its end. A longer one is an error that names the limit.
func All(stream io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(stream, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%q has more than %d bytes", name, limit)
	}
	return data, nil
}
