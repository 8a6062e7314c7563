package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/checkout"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/worktree"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// maxIndex is the largest index of a working tree that is read, in bytes: one of 100,000 files has 10 MB.
const maxIndex = 512 << 20

// WriteHead makes a .git below dest that has of the repository of a local tree what a checkout of its commit would
// have: that commit, without history, other branches and configuration, and the index. Of a tree without a commit it
// makes none.
func (s *Store) WriteHead(ctx context.Context, tree Tree, dest string) error {
	if tree.Commit == "" {
		return nil
	}
	if err := s.writeHead(ctx, tree, dest); err != nil {
		return fmt.Errorf("source directory %q: %w", tree.Directory, err)
	}
	return nil
}

func (s *Store) writeHead(ctx context.Context, tree Tree, dest string) error {
	repo, err := worktree.Find(tree.Directory)
	if err == nil {
		err = repo.Carry(tree.Directory)
	}
	if err != nil {
		return remedied(err)
	}
	head, err := pack.ParseID(tree.Commit)
	if err != nil {
		return err
	}
	db, err := pack.Open(repo.Objects())
	if err != nil {
		return err
	}
	defer db.Close()
	ids, err := objects(ctx, db, head)
	if err != nil {
		return err
	}
	return checkout.WriteGitDir(dest, checkout.Repository{
		Commit: head, Branch: tree.Branch,
		Pack: func(directory string) error { return s.repack(ctx, db, ids, directory) },
		Index: func(path string) error {
			data, err := regular.Read(filepath.Join(repo.GitDir, "index"), maxIndex)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			return os.WriteFile(path, data, 0o644)
		},
	})
}

// repack writes a pack of objects, with its index, to a directory.
func (s *Store) repack(ctx context.Context, db *pack.Database, ids []pack.ID, directory string) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(db.Write(ctx, w, ids)) }()
	_, err := pack.Receiver{Directory: directory, Limits: s.limits.Pack}.Receive(ctx, r)
	r.CloseWithError(err) // ends the writer, where it did not end by itself
	return raisable(err)
}

// objects lists a commit and everything that its tree has. Files that are not there, as in a partial clone, are left
// out.
func objects(ctx context.Context, db *pack.Database, id pack.ID) ([]pack.ID, error) {
	c, err := readCommit(db, id)
	if err != nil {
		return nil, err
	}
	list, seen := []pack.ID{id}, map[pack.ID]bool{}
	var tree func(id pack.ID) error
	tree = func(id pack.ID) error {
		seen[id] = true
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		data, err := db.Read(id, pack.Tree)
		if err != nil {
			return err
		}
		entries, err := checkout.ParseTree(data)
		if err != nil {
			return fmt.Errorf("tree %s: %w", id, err)
		}
		list = append(list, id)
		for _, entry := range entries {
			switch {
			case seen[entry.ID] || entry.Mode == checkout.Submodule:
				continue
			case entry.Mode == checkout.Directory:
				if err := tree(entry.ID); err != nil {
					return err
				}
				continue
			}
			seen[entry.ID] = true
			if there, err := db.Has(entry.ID); err != nil {
				return err
			} else if there {
				list = append(list, entry.ID)
			}
		}
		return nil
	}
	return list, tree(c.tree)
}
