package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/checkout"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// treeCheck makes sure that all objects of a tree are there, and that a checkout of it is within the limits. A few
// objects that name each other again and again make a checkout of any size: it is known here before any of it is
// written.
type treeCheck struct {
	db     *pack.Database
	sizes  map[pack.ID]treeSize // of the trees that were seen
	limits checkout.Limits
	files  bool // the content of files, too
}

// treeSize is what a checkout of a tree has.
type treeSize struct {
	entries int
	bytes   int64
	depth   int // of the directories in it
}

// tree checks a tree that is depth directories below the top.
func (t *treeCheck) tree(ctx context.Context, id pack.ID, depth int) (treeSize, error) {
	size, seen := t.sizes[id]
	if ctx.Err() != nil {
		return treeSize{}, context.Cause(ctx)
	}
	if depth+size.depth > t.limits.Depth {
		return treeSize{}, pack.OverLimit("its directories are more than %d deep", t.limits.Depth)
	}
	if seen {
		return size, nil
	}
	data, err := t.db.Read(id, pack.Tree)
	if errors.Is(err, pack.ErrCorrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
		return treeSize{}, inCache(err) // what comes from the server is checked when it comes: this lay here before
	}
	if err != nil {
		return treeSize{}, err
	}
	entries, err := checkout.ParseTree(data)
	if err != nil {
		return treeSize{}, fmt.Errorf("tree %s: %w", id, err)
	}
	size.entries = len(entries)
	for _, e := range entries {
		switch {
		case e.Mode == checkout.Submodule:
		case e.Mode == checkout.Directory:
			below, err := t.tree(ctx, e.ID, depth+1)
			if err != nil {
				return treeSize{}, err
			}
			size.entries += below.entries
			size.bytes += below.bytes
			size.depth = max(size.depth, below.depth+1)
		case t.files:
			bytes, err := t.db.Size(e.ID)
			if err != nil {
				return treeSize{}, fmt.Errorf("file %q: %w", e.Name, err)
			}
			size.bytes += bytes
		}
		if size.entries > t.limits.Files {
			return treeSize{}, pack.OverLimit("it has more than %d files and directories", t.limits.Files)
		}
		if size.bytes > t.limits.Bytes || size.bytes < 0 {
			return treeSize{}, pack.OverLimit("its files have more than %d bytes together", t.limits.Bytes)
		}
	}
	t.sizes[id] = size
	return size, nil
}
