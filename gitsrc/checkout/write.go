package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/pack"
)

// Limits of a tree.
type Limits struct {
	Files int   // files, links, directories and submodules
	Depth int   // directories inside each other
	Bytes int64 // of all files together
}

// DefaultLimits lets through the largest repositories that OpenShift is built from, several times over.
func DefaultLimits() Limits { return Limits{Files: 500_000, Depth: 100, Bytes: 32 << 30} }

const (
	maxLink     = 4095
	directories = 64 // read ahead of the writers
)

// Link is a submodule: the commit of another repository that belongs at Path.
type Link struct {
	Path string
	ID   pack.ID
}

// Written is what Write has left in the directory.
type Written struct {
	Submodules []Link
	files      []indexEntry
}

// writer writes a tree: one goroutine walks it and makes the directories, the others fill them.
type writer struct {
	db     *pack.Database
	root   *os.Root
	time   time.Time
	limits Limits
	count  int
	jobs   chan job
	links  []Link
}

// job is a directory whose files are to be written.
type job struct {
	path    string
	entries []Entry
}

// Write writes a tree below dir, which must be empty. Files get the given time, so that a checkout is the same whenever it is made, and
// modes that do not depend on the umask.
func Write(ctx context.Context, db *pack.Database, tree pack.ID, dir string, when time.Time, limits Limits) (*Written, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	w := &writer{db: db, root: root, time: when, limits: limits, jobs: make(chan job, directories)}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(w.jobs)
		return w.walk(ctx, ".", tree, 0)
	})
	budget := newBudget(limits.Bytes)
	parts := make([][]indexEntry, max(2, runtime.GOMAXPROCS(0)))
	for i := range parts {
		group.Go(func() error {
			for j := range w.jobs {
				if err := w.fill(ctx, j, budget, &parts[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	written := &Written{Submodules: w.links}
	for _, part := range parts {
		written.files = append(written.files, part...)
	}
	for _, l := range w.links {
		written.files = append(written.files, indexEntry{path: l.Path, mode: Submodule, id: l.ID})
	}
	return written, nil
}

// walk makes the directories of a tree before it hands out the files, so that whoever writes the files is the last to touch the directory.
func (w *writer) walk(ctx context.Context, dir string, tree pack.ID, depth int) error {
	if depth > w.limits.Depth {
		return fmt.Errorf("directory %q is more than %d deep", dir, w.limits.Depth)
	}
	data, err := w.db.Read(tree, pack.Tree)
	if err != nil {
		return fmt.Errorf("directory %q: %w", dir, err)
	}
	entries, err := ParseTree(data)
	if err != nil {
		return fmt.Errorf("directory %q: %w", dir, err)
	}
	if w.count += len(entries); w.count > w.limits.Files {
		return fmt.Errorf("tree has more than %d files", w.limits.Files)
	}
	files := make([]Entry, 0, len(entries))
	for _, e := range entries {
		switch e.Mode {
		case Submodule:
			w.links = append(w.links, Link{path.Join(dir, e.Name), e.ID})
			fallthrough
		case Directory:
			if err := w.root.Mkdir(path.Join(dir, e.Name), 0o755); err != nil {
				return err
			}
		default:
			files = append(files, e)
		}
	}
	select {
	case w.jobs <- job{dir, files}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for _, e := range entries {
		if e.Mode == Directory {
			if err := w.walk(ctx, path.Join(dir, e.Name), e.ID, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill writes the files of one directory.
func (w *writer) fill(ctx context.Context, j job, budget *budget, out *[]indexEntry) (err error) {
	dir, err := w.root.OpenRoot(j.path)
	if err != nil {
		return err
	}
	defer dir.Close()
	handle, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer handle.Close()
	for _, e := range j.entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		entry := indexEntry{path: path.Join(j.path, e.Name), mode: e.Mode, id: e.ID}
		if e.Mode == Symlink {
			err = w.link(dir, handle, e, &entry)
		} else {
			err = w.file(dir, e, budget, &entry)
		}
		if err != nil {
			return fmt.Errorf("writing %q: %w", entry.path, err)
		}
		*out = append(*out, entry)
	}
	return finishDirectory(handle, w.time)
}

func finishDirectory(handle *os.File, when time.Time) error {
	if err := handle.Chmod(0o755); err != nil {
		return err
	}
	return unix.Futimes(int(handle.Fd()), timevals(when))
}

func timevals(t time.Time) []unix.Timeval {
	tv := unix.NsecToTimeval(t.UnixNano())
	return []unix.Timeval{tv, tv}
}

func (w *writer) file(dir *os.Root, e Entry, budget *budget, entry *indexEntry) (err error) {
	mode := os.FileMode(0o644)
	if e.Mode == Executable {
		mode = 0o755
	} else {
		entry.mode = File
	}
	f, err := dir.OpenFile(e.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := w.db.WriteBlob(&spending{f, budget}, e.ID); err != nil {
		return err
	}
	if err := unix.Futimes(int(f.Fd()), timevals(w.time)); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Mode().Perm() != mode {
		if err := f.Chmod(mode); err != nil {
			return err
		}
		if info, err = f.Stat(); err != nil {
			return err
		}
	}
	entry.stat = *info.Sys().(*syscall.Stat_t)
	return nil
}

func (w *writer) link(dir *os.Root, handle *os.File, e Entry, entry *indexEntry) error {
	target, err := w.db.Read(e.ID, pack.Blob)
	if err != nil {
		return err
	}
	if len(target) == 0 || len(target) > maxLink || bytes.IndexByte(target, 0) >= 0 {
		return fmt.Errorf("symbolic link to %q: %w", target[:min(len(target), 80)], pack.ErrCorrupt)
	}
	if err := dir.Symlink(string(target), e.Name); err != nil {
		return err
	}
	ts := unix.NsecToTimespec(w.time.UnixNano())
	if err := unix.UtimesNanoAt(int(handle.Fd()), e.Name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	info, err := dir.Lstat(e.Name)
	if err != nil {
		return err
	}
	entry.stat = *info.Sys().(*syscall.Stat_t)
	return nil
}

// spending takes what is written from a budget.
type spending struct {
	io.Writer
	budget *budget
}

func (s *spending) Write(p []byte) (int, error) {
	if err := s.budget.take(int64(len(p))); err != nil {
		return 0, err
	}
	return s.Writer.Write(p)
}

// budget is a number of bytes that several goroutines share.
type budget struct{ left atomic.Int64 }

func newBudget(bytes int64) *budget {
	b := &budget{}
	b.left.Store(bytes)
	return b
}

func (b *budget) take(n int64) error {
	if b.left.Add(-n) < 0 {
		return errors.New("the files of the tree are too large together")
	}
	return nil
}
