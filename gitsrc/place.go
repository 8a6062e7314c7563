package gitsrc

import (
	"context"
	"errors"
	"fmt"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/checkout"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

// placed is a commit that was written to a directory, but for its submodules.
type placed struct {
	commit    commit
	tag       string
	links     []checkout.Link
	addresses map[string]giturl.URL // of submodules, by path
}

// place writes a commit to dest. If the cache turns out to be damaged, it is thrown away and the commit is fetched again.
func (s *Store) place(ctx context.Context, f found, want []level, dest string) (placed, error) {
	p, err := s.placeOnce(ctx, f, want, dest)
	if !errors.Is(err, errDamaged) {
		return p, err
	}
	if err := errors.Join(clear(dest, false), s.repair(ctx, f.address, err)); err != nil {
		return placed{}, err
	}
	return s.placeOnce(ctx, f, want, dest)
}

func (s *Store) placeOnce(ctx context.Context, f found, want []level, dest string) (placed, error) {
	db, shared, err := s.database(ctx, f, want)
	if err != nil {
		return placed{}, err
	}
	defer shared.release()
	defer db.Close()
	p, err := s.write(ctx, db, f, want[len(want)-1], dest)
	if err != nil {
		return placed{}, raisable(fmt.Errorf("checking out %s of %s: %w", f.commit, f.address.Web(), inCache(err)))
	}
	return p, nil
}

// write writes files and .git from the cache.
func (s *Store) write(ctx context.Context, db *pack.Database, f found, l level, dest string) (placed, error) {
	c, err := readCommit(db, f.commit)
	if err != nil {
		return placed{}, err
	}
	written, err := checkout.Write(ctx, db, c.tree, dest, c.time, s.limits.Tree)
	if err != nil {
		return placed{}, err
	}
	p := placed{commit: c, tag: f.tag, links: written.Submodules}
	if len(p.links) > 0 {
		if p.addresses, err = submoduleAddresses(db, f.address, c.tree); err != nil {
			return placed{}, err
		}
	}
	repo := checkout.Repository{Commit: f.commit, Branch: f.branch, Packs: db.Used()}
	if !l.history() {
		repo.Shallow = []pack.ID{f.commit}
	} else if p.tag, err = s.history(ctx, db, f, &repo); err != nil {
		return placed{}, err
	}
	return p, written.WriteGitDir(ctx, dest, repo)
}
