package gitsrc

import (
	"container/heap"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/worktree"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

const (
	clockSkew  = 24 * time.Hour // that a commit may be older, by its own account, than one it was made from
	maxVisited = 200_000        // commits that are looked at to find one
)

// origin finds the repository that others get the commit of a local tree from, by what its clone knows of its remotes:
// that of the payload, if a branch there contains the commit, else the first one with such a branch. Where there is
// none, the tree is Unpublished.
func (s *Store) origin(ctx context.Context, tree *Tree, repo worktree.Repository, db *pack.Database, head pack.ID) error {
	remotes, err := repo.Remotes()
	if err != nil {
		return err
	}
	web := func(r worktree.Remote) string {
		address, err := giturl.ParsePayload(r.URL)
		if contact, ok := s.config.InsteadOf(r.URL); err != nil && ok {
			address, err = giturl.ParsePayload(contact)
		}
		if err != nil {
			return ""
		}
		return address.Web()
	}
	if i := slices.IndexFunc(remotes, func(r worktree.Remote) bool { return web(r) == tree.Repository }); i > 0 {
		remotes[0], remotes[i] = remotes[i], remotes[0]
	}
	for _, remote := range remotes {
		if found, err := contains(ctx, db, remote.Tips, head); err != nil {
			return err
		} else if found {
			if address := web(remote); address != "" {
				tree.Repository = address
			}
			return nil
		}
	}
	tree.Unpublished = true
	return nil
}

// contains tells whether a commit is among those that lead to one of the tips.
func contains(ctx context.Context, db *pack.Database, tips []pack.ID, id pack.ID) (bool, error) {
	wanted, err := readCommit(db, id)
	if err != nil {
		return false, err
	}
	seen := map[pack.ID]bool{}
	var queue byTime
	push := func(ids []pack.ID) error {
		for _, id := range ids {
			if seen[id] {
				continue
			}
			seen[id] = true
			c, err := readCommit(db, id)
			if errors.Is(err, pack.ErrNotFound) || errors.Is(err, pack.ErrKind) {
				continue // history begins here, or is none
			}
			if err != nil {
				return err
			}
			if !c.time.Before(wanted.time.Add(-clockSkew)) {
				heap.Push(&queue, visit{id, c})
			}
		}
		return nil
	}
	for err = push(tips); err == nil && !seen[id] && len(queue) > 0 && len(seen) < maxVisited; {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		err = push(heap.Pop(&queue).(visit).parents)
	}
	return seen[id], err
}
