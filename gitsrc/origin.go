package gitsrc

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/worktree"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

const (
	clockSkew  = 24 * time.Hour // that a commit may be older, by its own account, than one it was made from
	maxVisited = 200_000        // commits that are looked at to find one
)

// origin finds the repository that others get the commit of a local tree from, by what its clone knows of its remotes:
// that of the payload, if a branch there contains the commit, else the first one with such a branch. Where there is
// none, the tree is Unpublished.
func (s *Store) origin(ctx context.Context, tree *Tree, repo worktree.Repository, db *pack.Database,
	head pack.ID) error {
	remotes, err := repo.Remotes()
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(remotes, func(r worktree.Remote) bool { return s.web(r) == tree.Repository }); i > 0 {
		first := remotes[i]
		remotes = slices.Insert(slices.Delete(remotes, i, i+1), 0, first)
	}
	for _, remote := range remotes {
		if found, err := contains(ctx, db, remote.Tips, head); err != nil {
			return err
		} else if found {
			if address := s.web(remote); address != "" {
				tree.Repository = address
			}
			return nil
		}
	}
	tree.Unpublished = true
	return nil
}

// web is the address of a remote as payloads name repositories; "" where it has none.
func (s *Store) web(r worktree.Remote) string {
	address, err := giturl.ParsePayload(r.URL)
	if contact, ok := s.config.InsteadOf(r.URL); err != nil && ok {
		address, err = giturl.ParsePayload(contact)
	}
	if err != nil {
		return ""
	}
	return address.Web()
}

// Remotes returns the top of the working tree that a directory is in, and the addresses of the repositories that it is
// a clone of, as payloads name them. Where the directory is in no working tree, top is "".
func (s *Store) Remotes(directory string) (top string, addresses []string, err error) {
	for top = directory; ; top = filepath.Dir(top) {
		repo, err := worktree.Find(top)
		switch {
		case err == nil && repo.GitDir != top:
			remotes, err := repo.Remotes()
			if err != nil {
				return "", nil, err
			}
			for _, remote := range remotes {
				if address := s.web(remote); address != "" && !slices.Contains(addresses, address) {
					addresses = append(addresses, address)
				}
			}
			return top, addresses, nil
		case err != nil && !errors.Is(err, worktree.ErrNotRepository):
			return "", nil, remedied(err)
		case err == nil || top == filepath.Dir(top):
			return "", nil, nil
		}
	}
}

// contains tells whether a commit is among those that lead to one of the tips.
func contains(ctx context.Context, db *pack.Database, tips []pack.ID, id pack.ID) (bool, error) {
	wanted, err := readCommit(db, id)
	if err != nil {
		return false, err
	}
	var from []pack.ID
	for _, tip := range tips {
		if kind, err := db.Type(tip); err == nil && kind == pack.Commit {
			from = append(from, tip)
		}
	}
	found, visited, oldest := false, 0, wanted.time.Add(-clockSkew)
	_, err = walkBack(ctx, db, from, nil, func(at pack.ID, c commit) bool {
		visited++
		found = found || at == id
		return !found && visited < maxVisited && !c.time.Before(oldest)
	})
	return found, err
}
