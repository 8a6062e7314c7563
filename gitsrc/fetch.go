package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/worktree"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/flock"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

// Request asks for the source of one component.
type Request struct {
	// source location that the payload records; may be empty for Fork and Local
	Repository string `json:"repository,omitempty"`
	Commit     string `json:"commit,omitempty"` // commit that the payload records; needed for Payload only
	// branch that the checkout is put on, CI's base ref; "" = the branch that Spec names, else main
	Branch string `json:"branch,omitempty"`
	// what to take instead of the payload's commit; the zero value is the payload's commit
	Spec    Spec     `json:"spec"`
	Patches []string `json:"patches,omitempty"` // patch files to apply on top, in order
}

// Pin returns a request for the commit that another one led to, without patches.
func (r Request) Pin(tree Tree) Request {
	pinned := Request{Repository: r.Repository, Commit: tree.Commit, Branch: tree.Ref, Spec: r.Spec}
	switch r.Spec.Kind {
	case Ref, Pull:
		pinned.Spec = Spec{Kind: Ref, Ref: tree.Commit}
	case Fork:
		pinned.Spec.Ref = tree.Commit
	case Merge:
		pinned.Spec.Ref, pinned.Spec.Heads = tree.Merged[0], tree.Merged[1:]
	}
	return pinned
}

// defaultBranch is the branch of a checkout where nothing else is known: always the same, so that checkouts are.
const defaultBranch = "main"

// Fetch brings the source to dest, which must not exist or be an empty directory. A local tree without patches stays
// where it is: Tree.Directory tells. What cannot be resolved has the class fault.Unresolved, refused credentials
// fault.Unauthorized.
func (s *Store) Fetch(ctx context.Context, req Request, dest string) (Tree, error) {
	if req.Spec.Kind == Local {
		return s.local(ctx, req, dest)
	}
	found, err := s.resolve(ctx, req)
	if err != nil {
		return Tree{}, err
	}
	made, err := emptyDirectory(dest)
	if err != nil {
		return Tree{}, err
	}
	tree, err := s.checkout(ctx, found, dest)
	if err == nil && len(req.Patches) > 0 { // packs have other bytes on another machine
		tree.Submodules, err = worktree.Repositories(ctx, dest)
	}
	if err == nil {
		tree, err = s.patched(tree, req)
	}
	if err != nil {
		return Tree{}, errors.Join(err, clear(dest, made))
	}
	return tree, nil
}

// found is a request with every name replaced by what it stands for.
type found struct {
	kind    Kind
	address giturl.URL
	commit  pack.ID
	branch  string   // of the checkout
	look    []string // branches that the commit may be on
	tag     string   // tag that names the commit, if one was seen
	merge   *merging // what the commit is made of here; nil = the server has it
}

// tree describes what was found.
func (f found) tree(when time.Time, directory string) Tree {
	tree := Tree{Kind: f.kind, Repository: f.address.Web(), Commit: f.commit.String(), Ref: f.branch, Tag: f.tag,
		Time: when, Directory: directory}
	if f.merge != nil {
		tree.Unpublished = true
		for _, id := range f.merge.commits() {
			tree.Merged = append(tree.Merged, id.String())
		}
	}
	return tree
}

// emptyDirectory makes dest, or makes sure that it is empty. made is whether it was not there.
func emptyDirectory(dest string) (made bool, err error) {
	entries, err := os.ReadDir(dest)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(dest, 0o755); err != nil {
			return false, fmt.Errorf("making the directory of a checkout: %w", err)
		}
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("making the directory of a checkout: %w", err)
	}
	if len(entries) > 0 {
		return false, fmt.Errorf("directory %q for a checkout is not empty", dest)
	}
	return false, nil
}

// clear empties what a failed checkout has left, and removes the directory if it was not there before.
func clear(dest string, remove bool) error {
	if remove {
		return os.RemoveAll(dest)
	}
	entries, err := os.ReadDir(dest)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dest, e.Name())))
	}
	return err
}

// checkout writes a commit and its submodules to dest.
func (s *Store) checkout(ctx context.Context, f found, dest string) (Tree, error) {
	left := &allowance{maxSubmodules, s.limits.Tree}
	p, err := s.place(ctx, f, dest, left)
	if err != nil {
		return Tree{}, err
	}
	if err := s.submodules(ctx, f.address, p, dest, 0, left); err != nil {
		return Tree{}, err
	}
	return f.tree(p.commit.time, dest), nil
}

// database opens the cache with a commit in it. The database must be closed and the lock released. Without the lock
// the database can still be read, because its files are open, but they may not have their names any more.
func (s *Store) database(ctx context.Context, f found, want level) (db *pack.Database, shared *lock, err error) {
	repo := s.repository(f.address)
	var files *pack.Contents
	defer func() {
		if err != nil {
			err = errors.Join(err, files.Close())
		}
	}()
	for {
		shared, err := acquire(ctx, repo.lockPath(), flock.Shared, s.waiting(ctx, f.address))
		if err != nil {
			return nil, nil, err
		}
		if repo.has(want, f.commit) {
			db, err := pack.Open(repo.objects())
			if err != nil {
				shared.release()
				return nil, nil, inCache(err)
			}
			db.Use(files)
			return db, shared, nil
		}
		shared.release()
		if f.merge != nil { // it was thrown away since
			if _, err := s.merge(ctx, f); err != nil {
				return nil, nil, err
			}
			continue
		}
		if files == nil && want == levelTree {
			files, _ = pack.NewContents(s.dir) // it can be done without
		}
		if err := s.fill(ctx, repo, f, want, files); err != nil {
			return nil, nil, raisable(fmt.Errorf("fetching %s of %s: %w", f.commit, f.address.Web(), err))
		}
	}
}

func (s *Store) waiting(ctx context.Context, address giturl.URL) func() {
	return func() {
		s.tell(ctx, Event{Repository: address.Web(), Message: "waiting for another run that uses the same repository"})
	}
}

// fill fetches what is missing of a commit. files gets the files of the commit; nil = they are not kept.
func (s *Store) fill(ctx context.Context, repo *repository, f found, want level, files *pack.Contents) error {
	exclusive, err := acquire(ctx, repo.lockPath(), flock.Exclusive, s.waiting(ctx, f.address))
	if err != nil {
		return err
	}
	defer exclusive.release()
	if err := s.compact(repo); err != nil {
		return err
	}
	if err := repo.prepare(); err != nil {
		return fmt.Errorf("preparing the source cache: %w", err)
	}
	o, err := s.obtainer(repo)
	if err != nil {
		return err
	}
	if repo.has(want, f.commit) { // another run was faster
		return nil
	}
	o.tell(ctx, "fetching %s of %s", want.describe(), f.commit)
	o.files = files
	return o.obtain(ctx, f.commit, want, f.look)
}

func (l level) describe() string {
	switch l {
	case levelNames:
		return "the directories"
	case levelCommits:
		return "the commits that lead to"
	}
	return "the files"
}

// notResolved is fault.Unresolved with an advice.
func notResolved(advice, format string, args ...any) error {
	return fault.New(fault.Unresolved, advice, fmt.Errorf(format, args...))
}
