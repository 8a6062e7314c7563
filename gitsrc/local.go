package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/patch"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/worktree"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

// localTree is a working tree of the user with what its repository says about it.
type localTree struct {
	Tree
	repo  worktree.Repository // zero for a directory that git knows nothing of
	files []string            // that belong to the tree
}

// local takes a working tree of the user. The tree stays as it is and is built where it is; only where that cannot
// work, because patches must not touch the user's files or because .git is elsewhere, its files are copied to dest.
func (s *Store) local(ctx context.Context, req Request, dest string) (Tree, error) {
	tree, err := s.lookLocal(ctx, req)
	if err != nil {
		return Tree{}, err
	}
	from := tree.Directory
	switch {
	case tree.repo == worktree.Repository{}:
		if len(req.Patches) == 0 {
			return tree.Tree, nil
		}
		return s.snapshot(ctx, tree.Tree, req, dest, func() error { return worktree.CopyAll(ctx, from, dest) })
	case len(req.Patches) == 0 && tree.repo.GitDir == filepath.Join(from, ".git"):
		return tree.Tree, nil
	}
	return s.snapshot(ctx, tree.Tree, req, dest,
		func() error { return worktree.Copy(ctx, from, tree.repo, tree.files, dest) })
}

// look describes a working tree of the user.
func (s *Store) look(ctx context.Context, req Request) (Tree, error) {
	tree, err := s.lookLocal(ctx, req)
	return tree.Tree, err
}

func (s *Store) lookLocal(ctx context.Context, req Request) (localTree, error) {
	dir, err := directory(req.Spec.Path)
	if err != nil {
		return localTree{}, fault.New(fault.Unresolved, "", fmt.Errorf("source directory: %w", err))
	}
	tree := localTree{Tree: Tree{Kind: Local, Path: req.Spec.Path, Directory: dir, Ref: req.Branch}}
	if address, err := upstream(req.Repository); err == nil {
		tree.Repository = address.Web()
	} else if address, err := giturl.Parse(req.Repository); err == nil {
		tree.Repository = address.Web()
	}
	repo, err := worktree.Find(dir)
	if errors.Is(err, worktree.ErrNotRepository) {
		tree.Dirty = true
		if err := notPartOfTree(dir); err != nil {
			return localTree{}, err
		}
		if tree.Ignored, err = worktree.Repositories(ctx, dir); err != nil {
			return localTree{}, fmt.Errorf("looking at %q: %w", dir, err)
		}
		return tree, nil
	}
	if err != nil {
		return localTree{}, remedied(fmt.Errorf("source directory %q: %w", dir, err))
	}
	if repo.GitDir == dir {
		return localTree{}, notResolved(fmt.Sprintf("name what to build of it: file://%s@BRANCH", dir),
			"source directory %q is a bare repository", dir)
	}
	status, err := s.inspect(ctx, &tree.Tree, repo, req.Commit)
	if err != nil {
		return localTree{}, err
	}
	tree.repo, tree.files = repo, status.Files
	return tree, nil
}

// remedied adds what to do where a working tree claims a repository that does not know it.
func remedied(err error) error {
	var foreign *worktree.ForeignError
	if !errors.As(err, &foreign) {
		return err
	}
	return fault.New(fault.Unresolved, "If you made it so, and nobody else packed that directory: "+foreign.Remedy, err)
}

// Check fails where the source is a directory on this machine that does not exist. The error has the class
// fault.Unresolved.
func (s Spec) Check() error {
	if s.Kind != Local {
		return nil
	}
	if _, err := directory(s.Path); err != nil {
		return fault.New(fault.Unresolved, "", fmt.Errorf("reading the source: %w", err))
	}
	return nil
}

func directory(name string) (string, error) {
	dir, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%q is not a directory", dir)
	}
	return dir, err
}

// inspect fills in what the repository knows about a working tree. recorded is the commit that the payload names.
func (s *Store) inspect(ctx context.Context, tree *Tree, repo worktree.Repository,
	recorded string) (worktree.Status, error) {
	tree.Git = repo.Directories()
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
		if tree.Commit != recorded {
			if err := s.origin(ctx, tree, repo, db, head); err != nil {
				return worktree.Status{}, fmt.Errorf("source directory %q: finding where commit %s comes from: %w",
					tree.Directory, head, err)
			}
		}
	}
	if branch != "" {
		tree.Ref, tree.Branch = branch, branch
	}
	status, err := worktree.Inspect(ctx, tree.Directory, repo, db, c.tree,
		worktree.Home{ExcludesFile: s.excludesFile(), Nothing: s.ignored})
	tree.Dirty, tree.Ignored, tree.Submodules = status.Dirty, status.Ignored, status.Submodules
	tree.Empty, tree.Heads, tree.Git = status.Empty, status.Heads, append(tree.Git, status.Git...)
	if errors.Is(err, worktree.ErrIndex) {
		err = fault.New(fault.Unresolved,
			"Run `git config --unset core.splitIndex` and `git update-index --no-split-index`, or "+
				"`git sparse-checkout disable`, in it.", err)
	}
	return status, remedied(err)
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

// notPartOfTree refuses a directory inside of a working tree: CI builds from the top.
func notPartOfTree(inside string) error {
	for dir := filepath.Dir(inside); ; dir = filepath.Dir(dir) {
		if _, err := worktree.Find(dir); err == nil {
			return fault.New(fault.Unresolved, fmt.Sprintf("name the top of the working tree: %s", dir),
				fmt.Errorf("source directory %q is a part of the working tree %q", inside, dir))
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// snapshot copies a local tree to dest and patches the copy.
func (s *Store) snapshot(ctx context.Context, tree Tree, req Request, dest string, copyTo func() error) (Tree, error) {
	made, err := emptyDirectory(dest)
	if err != nil {
		return Tree{}, err
	}
	tree.Directory = dest
	if err = copyTo(); err == nil {
		tree.Ignored, err = worktree.Repositories(ctx, dest)
	}
	if err == nil {
		tree.Submodules = nil // what there is of them is among these
		tree, err = s.patched(tree, req)
	}
	if err != nil {
		return Tree{}, errors.Join(remedied(fmt.Errorf("copying %q: %w", req.Spec.Path, err)), clear(dest, made))
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
