package treefs

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/checkout"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// Read returns an object. neighbours are files of the same directory, for readers that fetch several at a time.
type Read func(id pack.ID, kind pack.Type, neighbours []pack.ID) ([]byte, error)

// FS is a tree of files. It implements fs.ReadDirFS, fs.ReadFileFS and fs.StatFS, and is safe for concurrent use as
// far as its Read is.
type FS struct {
	read Read
	root pack.ID
	time time.Time

	mu   sync.Mutex
	dirs map[pack.ID][]checkout.Entry
}

var (
	_ fs.ReadDirFS  = (*FS)(nil)
	_ fs.ReadFileFS = (*FS)(nil)
	_ fs.StatFS     = (*FS)(nil)
)

const maxLinks = 40 // symbolic links on the way to a file

// New shows the tree root. All files have the time of the commit.
func New(root pack.ID, when time.Time, read Read) *FS {
	return &FS{read: read, root: root, time: when, dirs: map[pack.ID][]checkout.Entry{}}
}

func (f *FS) directory(id pack.ID) ([]checkout.Entry, error) {
	f.mu.Lock()
	entries, ok := f.dirs[id]
	f.mu.Unlock()
	if ok {
		return entries, nil
	}
	data, err := f.read(id, pack.Tree, nil)
	if err != nil {
		return nil, err
	}
	if entries, err = checkout.ParseTree(data); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b checkout.Entry) int { return strings.Compare(a.Name, b.Name) })
	f.mu.Lock()
	f.dirs[id] = entries
	f.mu.Unlock()
	return entries, nil
}

// Files returns the content of every file below a directory, by its ID; what is there twice is listed once. Symbolic
// links are not followed.
func (f *FS) Files(name string) ([]pack.ID, error) {
	top, err := f.find(name, true)
	if err != nil {
		return nil, &fs.PathError{Op: "list", Path: name, Err: err}
	}
	var files []pack.ID
	seen := map[pack.ID]bool{top.ID: true}
	for directories := []pack.ID{top.ID}; len(directories) > 0; {
		entries, err := f.directory(directories[0])
		if err != nil {
			return nil, &fs.PathError{Op: "list", Path: name, Err: err}
		}
		directories = directories[1:]
		for _, e := range entries {
			if seen[e.ID] || e.Mode == checkout.Submodule {
				continue
			}
			seen[e.ID] = true
			if e.Mode == checkout.Directory {
				directories = append(directories, e.ID)
			} else {
				files = append(files, e.ID)
			}
		}
	}
	return files, nil
}

// node is what a name leads to.
type node struct {
	checkout.Entry
	siblings []checkout.Entry
}

// find walks to a name. Symbolic links are followed inside the tree; one that leads out is an error.
func (f *FS) find(name string, follow bool) (node, error) {
	links := 0
	var at []node // from the root's child down to the current entry
	rest := parts(name)
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if part == ".." {
			if len(at) == 0 {
				return node{}, errOutside
			}
			at = at[:len(at)-1]
			continue
		}
		dir := f.root
		if len(at) > 0 {
			if dir = at[len(at)-1].ID; at[len(at)-1].Mode != checkout.Directory {
				return node{}, fs.ErrNotExist
			}
		}
		next, err := f.child(dir, part)
		if err != nil {
			return node{}, err
		}
		if next.Mode == checkout.Symlink && (follow || len(rest) > 0) {
			if links++; links > maxLinks {
				return node{}, errors.New("too many symbolic links")
			}
			target, err := f.read(next.ID, pack.Blob, nil)
			if err != nil {
				return node{}, err
			}
			if path.IsAbs(string(target)) {
				return node{}, errOutside
			}
			rest = append(parts(string(target)), rest...)
			continue
		}
		at = append(at, next)
	}
	if len(at) == 0 {
		return node{Entry: checkout.Entry{Name: ".", Mode: checkout.Directory, ID: f.root}}, nil
	}
	return at[len(at)-1], nil
}

var errOutside = errors.New("symbolic link leads out of the tree")

func (f *FS) child(dir pack.ID, name string) (node, error) {
	entries, err := f.directory(dir)
	if err != nil {
		return node{}, err
	}
	i, ok := slices.BinarySearchFunc(entries, name,
		func(e checkout.Entry, name string) int { return strings.Compare(e.Name, name) })
	if !ok {
		return node{}, fs.ErrNotExist
	}
	return node{entries[i], entries}, nil
}

func parts(name string) []string {
	var list []string
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." {
			list = append(list, part)
		}
	}
	return list
}

// content reads a file.
func (f *FS) content(n node) ([]byte, error) {
	if n.Mode == checkout.Directory || n.Mode == checkout.Submodule {
		return nil, errors.New("is a directory")
	}
	var neighbours []pack.ID
	for _, e := range n.siblings {
		if e.Mode == checkout.File || e.Mode == checkout.Executable {
			neighbours = append(neighbours, e.ID)
		}
	}
	return f.read(n.ID, pack.Blob, neighbours)
}

// ReadFile returns the content of a file.
func (f *FS) ReadFile(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	n, err := f.find(name, true)
	if err == nil {
		var data []byte
		if data, err = f.content(n); err == nil {
			return data, nil
		}
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: err}
}

// ReadDir returns the entries of a directory, sorted by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	list, err := f.list(name)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return list, nil
}

func (f *FS) list(name string) ([]fs.DirEntry, error) {
	n, err := f.find(name, true)
	if err != nil {
		return nil, err
	}
	if n.Mode == checkout.Submodule {
		return nil, nil
	}
	if n.Mode != checkout.Directory {
		return nil, errors.New("is not a directory")
	}
	entries, err := f.directory(n.ID)
	if err != nil {
		return nil, err
	}
	list := make([]fs.DirEntry, len(entries))
	for i, e := range entries {
		list[i] = dirEntry{f, node{e, entries}}
	}
	return list, nil
}

// Stat describes a file. It reads the file to know its size.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	return file.Stat()
}

// Open opens a file or directory.
func (f *FS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	n, err := f.find(name, true)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	n.Name = path.Base(name)
	if n.Mode == checkout.Directory || n.Mode == checkout.Submodule {
		list, err := f.list(name)
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return &openDir{info{n.Entry, 0, f.time}, list}, nil
	}
	data, err := f.content(n)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openFile{bytes.NewReader(data), info{n.Entry, int64(len(data)), f.time}}, nil
}
