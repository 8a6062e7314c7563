package gitsrc

import (
	"context"
	"errors"
	"fmt"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/checkout"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

// placed is a commit that was written to a directory, but for its submodules.
type placed struct {
	commit    commit
	links     []checkout.Link
	addresses map[string]giturl.URL // of submodules, by path
}

// place writes a commit to dest, and takes it from what is left. If the cache turns out to be damaged, it is thrown
// away and the commit is fetched again.
func (s *Store) place(ctx context.Context, f found, dest string, left *allowance) (placed, error) {
	p, err := s.placeOnce(ctx, f, dest, left)
	if !errors.Is(err, errDamaged) {
		return p, err
	}
	if err := errors.Join(clear(dest, false), s.repair(ctx, f.address, err)); err != nil {
		return placed{}, err
	}
	return s.placeOnce(ctx, f, dest, left)
}

func (s *Store) placeOnce(ctx context.Context, f found, dest string, left *allowance) (placed, error) {
	db, shared, err := s.database(ctx, f, levelTree)
	if err != nil {
		return placed{}, err
	}
	defer shared.release()
	defer db.Close()
	p, err := s.write(ctx, db, f, dest, left)
	if err != nil {
		return placed{}, raisable(fmt.Errorf("checking out %s of %s: %w", f.commit, f.address.Web(), inCache(err)))
	}
	return p, nil
}

// write writes files and .git from the cache.
func (s *Store) write(ctx context.Context, db *pack.Database, f found, dest string, left *allowance) (placed, error) {
	c, err := readCommit(db, f.commit)
	if err != nil {
		return placed{}, err
	}
	written, err := checkout.Write(ctx, db, c.tree, dest, c.time, left.tree)
	if err != nil {
		return placed{}, err
	}
	left.tree = written.Left
	p := placed{commit: c, links: written.Submodules}
	if len(p.links) > 0 {
		if p.addresses, err = submoduleAddresses(db, f.address, c.tree); err != nil {
			return placed{}, err
		}
	}
	return p, checkout.WriteGitDir(dest, checkout.Repository{Commit: f.commit, Branch: f.branch,
		Index: written.WriteIndex,
		Pack:  func(directory string) error { return checkout.CopyPacks(ctx, db.Used(), directory) }})
}
