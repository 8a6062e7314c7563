package treefs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/checkout"
)

type openFile struct {
	*bytes.Reader
	info info
}

func (o *openFile) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *openFile) Close() error               { return nil }

type openDir struct {
	info info
	rest []fs.DirEntry
}

func (o *openDir) Stat() (fs.FileInfo, error) { return o.info, nil }
func (o *openDir) Close() error               { return nil }
func (o *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: o.info.Name(), Err: errors.New("is a directory")}
}

// ReadDir returns the next n entries, or all.
func (o *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(o.rest)
	} else if len(o.rest) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(o.rest))
	list := o.rest[:n:n]
	o.rest = o.rest[n:]
	return list, nil
}

type info struct {
	entry checkout.Entry
	size  int64
	time  time.Time
}

func (i info) Name() string       { return i.entry.Name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return mode(i.entry.Mode) }
func (i info) ModTime() time.Time { return i.time }
func (i info) IsDir() bool        { return i.Mode().IsDir() }
func (i info) Sys() any           { return nil }

func mode(m checkout.Mode) fs.FileMode {
	switch m {
	case checkout.Directory, checkout.Submodule:
		return fs.ModeDir | 0o555
	case checkout.Symlink:
		return fs.ModeSymlink | 0o777
	case checkout.Executable:
		return 0o555
	}
	return 0o444
}

type dirEntry struct {
	fs   *FS
	node node
}

func (d dirEntry) Name() string      { return d.node.Name }
func (d dirEntry) IsDir() bool       { return d.Type().IsDir() }
func (d dirEntry) Type() fs.FileMode { return mode(d.node.Mode).Type() }
func (d dirEntry) String() string    { return fs.FormatDirEntry(d) }

// Info describes the entry. The size of a file is known only when it is read.
func (d dirEntry) Info() (fs.FileInfo, error) {
	if d.IsDir() {
		return info{d.node.Entry, 0, d.fs.time}, nil
	}
	data, err := d.fs.content(d.node)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", d.node.Name, err)
	}
	return info{d.node.Entry, int64(len(data)), d.fs.time}, nil
}
