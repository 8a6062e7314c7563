package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/remote"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/flock"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

// OnBranch reports whether a branch of a repository contains a commit: then somebody who may write to the repository
// has accepted it. That a server gives a commit out says nothing: GitHub has those of every pull request and fork.
// branches are looked through besides the default branch; of the others only the tips count. What was found out once
// is kept.
func (s *Store) OnBranch(ctx context.Context, repository, commit string, branches ...string) (bool, error) {
	address, err := upstream(repository)
	if err != nil { // a fork's, which a user named
		address, err = giturl.Parse(repository)
	}
	if err != nil {
		return false, fault.New(fault.Unresolved, "", err)
	}
	id, err := pack.ParseID(commit)
	if err != nil {
		return false, fmt.Errorf("commit %q: %w", commit, err)
	}
	repo := s.repository(address)
	if repo.has(levelBranch, id) {
		return true, nil
	}
	server, err := s.remote(address)
	if err != nil {
		return false, err
	}
	refs, err := server.Refs(ctx)
	if err != nil {
		return false, fmt.Errorf("looking up the branches of %s: %w", address.Web(), err)
	}
	found := slices.ContainsFunc(refs.Names("refs/heads/"), func(name string) bool { return refs.ByName[name] == id })
	for _, branch := range append(slices.Clone(branches), refs.Head) {
		tip, ok := refs.ByName["refs/heads/"+branch]
		if found || !ok || !refs.Filter {
			continue
		}
		if found, err = s.leadsTo(ctx, server, id, tip); err != nil {
			return false, fmt.Errorf("looking for commit %s on branch %q of %s: %w", commit, branch, address.Web(), err)
		}
	}
	if !found {
		return false, nil
	}
	exclusive, err := acquire(ctx, repo.lockPath(), flock.Exclusive, s.waiting(ctx, address))
	if err != nil {
		return false, err
	}
	defer exclusive.release()
	return true, errors.Join(repo.prepare(), repo.mark(levelBranch, id))
}

// leadsTo reports whether a commit is among those that lead to another. Only the commits between the two are fetched,
// without files, to a place of their own: the cache must not seem to have what leads to the first.
func (s *Store) leadsTo(ctx context.Context, server *remote.Remote, older, newer pack.ID) (found bool, err error) {
	directory, err := os.MkdirTemp("", "oc-rebuild-branch-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(directory)
	receiver := pack.Receiver{Directory: filepath.Join(directory, "pack"), Limits: s.limits.Pack}
	if err := os.Mkdir(receiver.Directory, 0o700); err != nil {
		return false, err
	}
	want := remote.Want{IDs: []pack.ID{newer}, Haves: []pack.ID{older}, Filter: "tree:0"}
	if err := server.Fetch(ctx, want, func(answer *remote.Answer) error {
		_, err := receiver.Receive(ctx, answer)
		return err
	}); err != nil {
		return false, err
	}
	db, err := pack.Open(directory)
	if err != nil {
		return false, err
	}
	defer db.Close()
	_, err = walkBack(ctx, db, []pack.ID{newer}, nil, func(_ pack.ID, c commit) bool {
		found = found || slices.Contains(c.parents, older)
		return true
	})
	return found, err
}
