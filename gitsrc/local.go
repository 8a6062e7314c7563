package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/giturl"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/patch"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/worktree"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// local looks at a working tree of the user. The tree stays as it is and is built where it is; only where that cannot work, because
// patches must not touch the user's files or because .git is elsewhere, its files are copied to dest.
func (s *Store) local(ctx context.Context, req Request, dest string) (Tree, error) {
	dir, err := filepath.EvalSymlinks(req.Spec.Path)
	if err == nil {
		var info os.FileInfo
		if info, err = os.Stat(dir); err == nil && !info.IsDir() {
			err = fmt.Errorf("%q is not a directory", dir)
		}
	}
	if err != nil {
		return Tree{}, fault.New(fault.Unresolved, "", fmt.Errorf("source directory: %w", err))
	}
	tree := Tree{Kind: Local, Path: req.Spec.Path, Directory: dir, Ref: req.Branch}
	if address, err := upstream(req.Repository); err == nil {
		tree.Repository = address.Web()
	} else if address, err := giturl.Parse(req.Repository); err == nil {
		tree.Repository = address.Web()
	}
	repo, err := worktree.Find(dir)
	if errors.Is(err, worktree.ErrNotRepository) {
		return s.plainDirectory(ctx, tree, req, dest)
	}
	if err != nil {
		return Tree{}, fmt.Errorf("source directory %q: %w", dir, err)
	}
	status, err := s.inspect(ctx, &tree, repo)
	if err != nil {
		return Tree{}, err
	}
	if len(req.Patches) == 0 && repo.GitDir == filepath.Join(dir, ".git") {
		return tree, nil
	}
	return s.snapshot(ctx, tree, req, dest, func() error { return worktree.Copy(ctx, dir, repo, status.Files, dest) })
}

// inspect fills in what the repository knows about a working tree.
func (s *Store) inspect(ctx context.Context, tree *Tree, repo worktree.Repository) (worktree.Status, error) {
	head, branch, err := repo.Head()
	if err != nil {
		return worktree.Status{}, fmt.Errorf("source directory %q: %w", tree.Directory, err)
	}
	db, err := pack.Open(repo.Objects())
	if err != nil {
		return worktree.Status{}, fmt.Errorf("source directory %q: %w", tree.Directory, err)
	}
	defer db.Close()
	var c commit
	if head != (pack.ID{}) {
		if c, err = readCommit(db, head); err != nil {
			return worktree.Status{}, fmt.Errorf("source directory %q: %w", tree.Directory, err)
		}
		tree.Commit, tree.Time = head.String(), c.time
	}
	if branch != "" {
		tree.Ref = branch
	}
	status, err := worktree.Inspect(ctx, tree.Directory, repo, db, c.tree, worktree.Home{ExcludesFile: s.excludesFile()})
	tree.Dirty, tree.Ignored = status.Dirty, status.Ignored
	return status, err
}

// excludesFile returns the user's list of ignored files, where git looks for it.
func (s *Store) excludesFile() string {
	if path := s.config.Get("core", "excludesfile"); path != "" {
		return s.config.Expand(path)
	}
	if xdg := s.getenv("XDG_CONFIG_HOME"); xdg != "" {
		return filepath.Join(xdg, "git", "ignore")
	}
	if home := s.getenv("HOME"); home != "" {
		return filepath.Join(home, ".config", "git", "ignore")
	}
	return ""
}

// plainDirectory takes a directory that git knows nothing of. A part of a working tree is not taken for one.
func (s *Store) plainDirectory(ctx context.Context, tree Tree, req Request, dest string) (Tree, error) {
	for dir := filepath.Dir(tree.Directory); ; dir = filepath.Dir(dir) {
		if _, err := worktree.Find(dir); err == nil {
			return Tree{}, fault.New(fault.Unresolved, fmt.Sprintf("name the top of the working tree: %s", dir),
				fmt.Errorf("source directory %q is a part of the working tree %q", tree.Directory, dir))
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	tree.Dirty = true
	if len(req.Patches) == 0 {
		return tree, nil
	}
	return s.snapshot(ctx, tree, req, dest, func() error { return worktree.CopyAll(ctx, tree.Directory, dest) })
}

// snapshot copies a local tree to dest and patches the copy.
func (s *Store) snapshot(ctx context.Context, tree Tree, req Request, dest string, copyTo func() error) (Tree, error) {
	made, err := emptyDirectory(dest)
	if err != nil {
		return Tree{}, err
	}
	tree.Directory, tree.Ignored = dest, nil
	if err = copyTo(); err == nil {
		tree, err = s.patched(tree, req)
	}
	if err != nil {
		return Tree{}, errors.Join(fmt.Errorf("copying %q: %w", req.Spec.Path, err), clear(dest, made))
	}
	return tree, nil
}

// patched applies the patches of a request to a checkout that belongs to us.
func (s *Store) patched(tree Tree, req Request) (Tree, error) {
	when := tree.Time
	if !when.IsZero() {
		when = when.Add(time.Second) // not the time that the index has, or git would not see the change
	}
	for _, name := range req.Patches {
		if err := patch.Apply(tree.Directory, name, when); err != nil {
			return Tree{}, fault.New(fault.Unresolved, "make the patch against "+describeTree(tree), err)
		}
		tree.Dirty = true
	}
	return tree, nil
}

func describeTree(tree Tree) string {
	if tree.Commit == "" {
		return tree.Path
	}
	return "commit " + tree.Commit
}
