package source

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// walker goes through a tree for the kernel's account of each file. It opens each directory in the one above, and asks
// there: fs.WalkDir names everything by its whole path, which takes several times as long in a tree of ten thousand
// files.
type walker struct {
	ctx     context.Context
	skipped map[string]bool // slash-separated paths that are left out, with what is below them
	// visit is called from several goroutines, in no order; with nil for what is gone since its directory was read.
	visit func(path string, info *unix.Stat_t) error
	group *errgroup.Group
}

// walk visits everything below a directory, once, until a visit fails.
func walk(ctx context.Context, root *os.Root, skipped map[string]bool,
	visit func(path string, info *unix.Stat_t) error) error {
	top, err := root.Open(".")
	if err != nil {
		return err
	}
	w := &walker{skipped: skipped, visit: visit}
	w.group, w.ctx = errgroup.WithContext(ctx)
	w.group.SetLimit(runtime.GOMAXPROCS(0))
	w.group.Go(func() error { return w.directory(top, "") })
	return w.group.Wait()
}

// directory visits what is in a directory, and closes it. prefix is "" or ends with a slash.
func (w *walker) directory(directory *os.File, prefix string) (err error) {
	defer func() { err = errors.Join(err, directory.Close()) }()
	names, err := directory.Readdirnames(-1)
	if errors.Is(err, fs.ErrNotExist) && prefix != "" { // it was removed after it was opened
		return w.visit(strings.TrimSuffix(prefix, "/"), nil)
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		path := prefix + name
		if w.skipped[path] {
			continue
		}
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		below, err := w.entry(int(directory.Fd()), name, path)
		if err != nil {
			return &fs.PathError{Op: "reading", Path: path, Err: err}
		}
		if below == nil {
			continue
		}
		if next := func() error { return w.directory(below, path+"/") }; !w.group.TryGo(next) {
			if err := next(); err != nil {
				return err
			}
		}
	}
	return nil
}

// entry visits one name in a directory. Where that is a directory, it is returned.
func (w *walker) entry(directory int, name, path string) (below *os.File, err error) {
	var info unix.Stat_t
	err = uninterrupted(func() error { return unix.Fstatat(directory, name, &info, unix.AT_SYMLINK_NOFOLLOW) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil, w.visit(path, nil)
	}
	if err == nil {
		err = w.visit(path, &info)
	}
	if err != nil || info.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil, err
	}
	var descriptor int
	err = uninterrupted(func() (err error) {
		const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
		descriptor, err = unix.Openat(directory, name, flags, 0)
		return err
	})
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		return nil, w.visit(path, nil) // it became something else meanwhile
	case err != nil:
		return nil, err
	}
	return os.NewFile(uintptr(descriptor), path), nil
}

// uninterrupted does a system call again that a signal ended.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// fileMode is a mode of the kernel's as Go has it.
func fileMode(mode uint32) fs.FileMode {
	converted := fs.FileMode(mode & 0o777)
	for _, bit := range []struct {
		kernel uint32
		mode   fs.FileMode
	}{{unix.S_ISUID, fs.ModeSetuid}, {unix.S_ISGID, fs.ModeSetgid}, {unix.S_ISVTX, fs.ModeSticky}} {
		if mode&bit.kernel != 0 {
			converted |= bit.mode
		}
	}
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		converted |= fs.ModeDir
	case unix.S_IFLNK:
		converted |= fs.ModeSymlink
	case unix.S_IFIFO:
		converted |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		converted |= fs.ModeSocket
	case unix.S_IFCHR:
		converted |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		converted |= fs.ModeDevice
	}
	return converted
}
