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
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/attributes"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// Limits of a tree. What is in it several times counts as often as it is written.
type Limits struct {
	Files int   // files, links, directories and submodules
	Depth int   // directories inside each other
	Bytes int64 // of all files together
}

// DefaultLimits lets through the largest repositories that OpenShift is built from, several times over.
func DefaultLimits() Limits { return Limits{Files: 250_000, Depth: 100, Bytes: 8 << 30} }

const (
	maxLink     = 4095
	directories = 16 // read ahead of the writers; each is an open file
)

// Link is a submodule: the commit of another repository that belongs at Path.
type Link struct {
	Path string
	ID   pack.ID
}

// Written is what Write has left in the directory.
type Written struct {
	Submodules []Link
	Left       Limits // of those that Write was given
	files      []indexEntry
}

// writer writes a tree: one goroutine walks it and makes the directories, the others fill them.
//
// It works on file descriptors with single names that were checked, and with O_NOFOLLOW and O_EXCL. That keeps it
// inside the directory as os.Root would, with a third of the system calls.
type writer struct {
	db     *pack.Database
	time   time.Time
	limits Limits
	count  int
	jobs   chan job
	links  []Link
	budget *budget
}

// job is a directory whose files are to be written.
type job struct {
	dir     *directory
	entries []Entry
	rules   attributes.Rules
}

// directory is an open directory that two goroutines use: the one that walks and the one that writes.
type directory struct {
	path  string
	fd    int
	users atomic.Int32
}

func newDirectory(path string, fd int) *directory {
	d := &directory{path: path, fd: fd}
	d.users.Store(2)
	return d
}

func (d *directory) release() {
	if d.users.Add(-1) == 0 {
		unix.Close(d.fd)
	}
}

// Write writes a tree below dir, which must be empty. Files get the given time, so that a checkout is the same
// whenever it is made, and modes that do not depend on the umask.
func Write(ctx context.Context, db *pack.Database, tree pack.ID, dir string, when time.Time,
	limits Limits) (*Written, error) {
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	w := &writer{db: db, time: when, limits: limits, jobs: make(chan job, directories), budget: newBudget(limits.Bytes)}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(w.jobs)
		return w.walk(ctx, newDirectory(".", fd), tree, 0, attributes.Rules{})
	})
	parts := make([][]indexEntry, max(2, runtime.GOMAXPROCS(0)))
	for i := range parts {
		group.Go(func() error {
			for j := range w.jobs {
				err := w.fill(ctx, j, &parts[i])
				j.dir.release()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = group.Wait()
	for j := range w.jobs { // what an error has left
		j.dir.release()
	}
	if err != nil {
		return nil, err
	}
	limits.Files -= w.count
	limits.Bytes = w.budget.left.Load()
	written := &Written{Submodules: w.links, Left: limits}
	for _, part := range parts {
		written.files = append(written.files, part...)
	}
	for _, l := range w.links {
		written.files = append(written.files, indexEntry{path: l.Path, mode: Submodule, id: l.ID})
	}
	return written, nil
}

// walk makes the directories of a tree before it hands out the files, so that whoever writes the files is the last to
// touch the directory.
func (w *writer) walk(ctx context.Context, dir *directory, tree pack.ID, depth int, rules attributes.Rules) error {
	sent := false
	defer func() {
		dir.release()
		if !sent {
			dir.release()
		}
	}()
	entries, err := w.entries(dir.path, tree, depth)
	if err != nil {
		return err
	}
	if rules, err = w.rules(rules, dir.path, entries); err != nil {
		return err
	}
	files := make([]Entry, 0, len(entries))
	for _, e := range entries {
		name := path.Join(dir.path, e.Name)
		if e.Mode != Directory && e.Mode != Submodule {
			files = append(files, e)
			continue
		}
		if e.Mode == Submodule {
			w.links = append(w.links, Link{name, e.ID})
		}
		if err := unix.Mkdirat(dir.fd, e.Name, 0o755); err != nil {
			return &os.PathError{Op: "mkdir", Path: name, Err: err}
		}
	}
	select {
	case w.jobs <- job{dir, files, rules}:
		sent = true
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for _, e := range entries {
		if e.Mode != Directory {
			continue
		}
		name := path.Join(dir.path, e.Name)
		fd, err := unix.Openat(dir.fd, e.Name, unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: name, Err: err}
		}
		if err := w.walk(ctx, newDirectory(name, fd), e.ID, depth+1, rules); err != nil {
			return err
		}
	}
	return nil
}

// rules adds the rules that a directory has for itself.
func (w *writer) rules(rules attributes.Rules, dir string, entries []Entry) (attributes.Rules, error) {
	at := slices.IndexFunc(entries, func(e Entry) bool {
		return e.Name == attributes.File && e.Mode != Symlink && e.Mode != Directory && e.Mode != Submodule
	})
	if at < 0 {
		return rules, nil
	}
	size, err := w.db.Size(entries[at].ID)
	if err == nil && size > attributes.MaxFile {
		err = pack.OverLimit("%s of %q has more than %d bytes", attributes.File, dir, attributes.MaxFile)
	}
	if err != nil {
		return rules, err
	}
	text, err := w.db.Read(entries[at].ID, pack.Blob)
	if err != nil {
		return rules, err
	}
	if dir == "." {
		dir = ""
	}
	return rules.With(dir, text)
}

// entries reads a tree and counts what is in it.
func (w *writer) entries(dir string, tree pack.ID, depth int) ([]Entry, error) {
	if depth > w.limits.Depth {
		return nil, pack.OverLimit("directory %q is more than %d deep", dir, w.limits.Depth)
	}
	data, err := w.db.Read(tree, pack.Tree)
	if err != nil {
		return nil, fmt.Errorf("directory %q: %w", dir, err)
	}
	entries, err := ParseTree(data)
	if err != nil {
		return nil, fmt.Errorf("directory %q: %w", dir, err)
	}
	if w.count += len(entries); w.count > w.limits.Files {
		return nil, pack.OverLimit("tree has more than the %d files that the limit leaves", w.limits.Files)
	}
	return entries, nil
}

// fill writes the files of one directory.
func (w *writer) fill(ctx context.Context, j job, out *[]indexEntry) (err error) {
	for _, e := range j.entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		entry := indexEntry{path: path.Join(j.dir.path, e.Name), mode: e.Mode, id: e.ID}
		if e.Mode == Symlink {
			err = w.link(j.dir.fd, e, &entry)
		} else {
			err = w.file(ctx, j.dir.fd, e, &entry, j.rules.Of(entry.path))
		}
		if err != nil {
			return fmt.Errorf("writing %q: %w", entry.path, err)
		}
		*out = append(*out, entry)
	}
	if err := unix.Fchmod(j.dir.fd, 0o755); err != nil {
		return fmt.Errorf("setting the mode of %q: %w", j.dir.path, err)
	}
	return unix.Futimes(j.dir.fd, w.timevals())
}

func (w *writer) timevals() []unix.Timeval {
	tv := unix.NsecToTimeval(w.time.UnixNano())
	return []unix.Timeval{tv, tv}
}

func (w *writer) file(ctx context.Context, dir int, e Entry, entry *indexEntry,
	conversion attributes.Conversion) (err error) {
	mode := uint32(0o644)
	if e.Mode == Executable {
		mode = 0o755
	} else {
		entry.mode = File
	}
	fd, err := unix.Openat(dir, e.Name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	if err := w.content(&output{ctx, fd, w.budget}, e.ID, conversion); err != nil {
		return err
	}
	if err := unix.Futimes(fd, w.timevals()); err != nil {
		return err
	}
	if err := unix.Fstat(fd, &entry.stat); err != nil || entry.stat.Mode&0o777 == mode {
		return err
	}
	if err := unix.Fchmod(fd, mode); err != nil {
		return err
	}
	return unix.Fstat(fd, &entry.stat)
}

// content writes what a checkout has of a blob.
func (w *writer) content(to io.Writer, id pack.ID, conversion attributes.Conversion) error {
	if !conversion.Changes() {
		_, err := w.db.WriteBlob(to, id)
		return err
	}
	data, err := w.db.Read(id, pack.Blob)
	if err != nil {
		return err
	}
	_, err = to.Write(conversion.ToCheckout(data, id.String()))
	return err
}

func (w *writer) link(dir int, e Entry, entry *indexEntry) error {
	target, err := w.db.Read(e.ID, pack.Blob)
	if err != nil {
		return err
	}
	if len(target) == 0 || len(target) > maxLink || bytes.IndexByte(target, 0) >= 0 {
		return fmt.Errorf("symbolic link to %q: %w", target[:min(len(target), 80)], pack.ErrCorrupt)
	}
	if err := unix.Symlinkat(string(target), dir, e.Name); err != nil {
		return err
	}
	ts := unix.NsecToTimespec(w.time.UnixNano())
	if err := unix.UtimesNanoAt(dir, e.Name, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	return unix.Fstatat(dir, e.Name, &entry.stat, unix.AT_SYMLINK_NOFOLLOW)
}
