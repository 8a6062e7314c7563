package patch

import (
	"errors"
	"fmt"
	"os"
	"path"
)

// noLinks refuses a name that leads through a symbolic link.
func (a *applier) noLinks(name string) error {
	for at := path.Dir(name); at != "."; at = path.Dir(at) {
		if info, err := a.root.Lstat(at); err == nil && info.Mode()&os.ModeSymlink != 0 {
			return fmt.Errorf("is beyond the symbolic link %q", at)
		}
	}
	return nil
}

func (a *applier) read(name string) ([]byte, os.FileMode, error) {
	if err := a.noLinks(name); err != nil {
		return nil, 0, err
	}
	info, err := a.root.Lstat(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, errors.New("is not there")
	}
	if err != nil {
		return nil, 0, err
	}
	switch {
	case info.Mode()&os.ModeSymlink != 0:
		target, err := a.root.Readlink(name)
		return []byte(target), info.Mode(), err
	case !info.Mode().IsRegular() || info.Size() > maxFile:
		return nil, 0, errors.New("is not a file, or too large")
	}
	data, err := a.root.ReadFile(name)
	return data, info.Mode(), err
}

// write replaces a file, so that a hard link elsewhere keeps its content.
func (a *applier) write(name string, data []byte, mode os.FileMode) error {
	if err := a.noLinks(name); err != nil {
		return err
	}
	if err := a.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	if err := a.root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if mode&os.ModeSymlink != 0 {
		return a.root.Symlink(string(data), name)
	}
	permissions := os.FileMode(0o644)
	if mode&0o111 != 0 {
		permissions = 0o755
	}
	f, err := a.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, permissions)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(permissions), f.Close()); err != nil || a.when.IsZero() {
		return err
	}
	return a.root.Chtimes(name, a.when, a.when)
}
