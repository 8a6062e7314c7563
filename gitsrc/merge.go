package gitsrc

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/merge"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/remote"
	"github.com/oc-rebuild/oc-rebuild/internal/flock"
)

// merging is what a commit is made of that no server has: heads merged onto a base, one after the other, as CI's
// clonerefs does with the pull requests of a job.
type merging struct {
	base  pack.ID
	heads []pack.ID
	names []string // of the base and the heads, for messages
}

// commits returns the base and the heads.
func (m merging) commits() []pack.ID { return append([]pack.ID{m.base}, m.heads...) }

// resolveMerge looks up what is merged, and merges it.
func (s *Store) resolveMerge(ctx context.Context, spec Spec, f *found) error {
	f.merge = &merging{names: append([]string{cmp.Or(spec.Ref, f.branch)}, spec.Heads...)}
	var refs *remote.Refs
	for i, name := range f.merge.names {
		id, err := pack.ParseID(name)
		if err != nil {
			if refs == nil {
				if refs, err = s.refs(ctx, spec, f); err != nil {
					return err
				}
			}
			if id, err = f.part(refs, name); err != nil {
				return err
			}
		}
		if i == 0 {
			f.merge.base = id
		} else {
			f.merge.heads = append(f.merge.heads, id)
		}
	}
	f.merge.names[0], f.tag = cmp.Or(f.merge.names[0], f.branch), ""
	var err error
	f.commit, err = s.merge(ctx, *f)
	return err
}

// part finds a base or a head by its name.
func (f *found) part(refs *remote.Refs, name string) (pack.ID, error) {
	number, isPull := strings.CutPrefix(name, "#")
	if !isPull {
		return f.named(refs, cmp.Or(name, refs.Head))
	}
	n, _ := strconv.Atoi(number) // nine digits at most
	if id, ok := pullRef(refs, n, "head"); ok {
		return id, nil
	}
	return pack.ID{}, notResolved("", "%s has no pull request %s", f.address.Web(), number)
}

// merge makes the commit that merging leads to and puts it into the cache. The same commits always lead to the same
// one, so that what was built of it is found again, on any machine.
func (s *Store) merge(ctx context.Context, f found) (pack.ID, error) {
	id, err := s.mergeOnce(ctx, f)
	if errors.Is(err, errDamaged) {
		if err = s.repair(ctx, f.address, err); err == nil {
			id, err = s.mergeOnce(ctx, f)
		}
	}
	if err != nil {
		return pack.ID{}, raisable(err)
	}
	return id, nil
}

func (s *Store) mergeOnce(ctx context.Context, f found) (pack.ID, error) {
	need := func(l level, commits ...pack.ID) error {
		for _, id := range commits {
			if err := s.ensure(ctx, found{address: f.address, commit: id, look: f.look}, l); err != nil {
				return err
			}
		}
		return nil
	}
	commits := f.merge.commits()
	if err := need(levelCommits, commits...); err != nil {
		return pack.ID{}, err
	}
	bases, err := s.mergeBases(ctx, f)
	if err != nil {
		return pack.ID{}, err
	}
	if err := need(levelTree, append(commits, bases...)...); err != nil {
		return pack.ID{}, err
	}
	repo := s.repository(f.address)
	exclusive, err := acquire(ctx, repo.lockPath(), flock.Exclusive, s.waiting(ctx, f.address))
	if err != nil {
		return pack.ID{}, err
	}
	defer exclusive.release()
	db, err := pack.Open(repo.objects())
	if err != nil {
		return pack.ID{}, inCache(err)
	}
	defer db.Close()
	merger := merge.New(db)
	tip, err := f.merge.run(ctx, db, merger, bases)
	var conflict *conflictError
	if errors.As(err, &conflict) {
		return pack.ID{}, f.merge.explain(ctx, db, conflict, f.address.Web())
	}
	if err != nil {
		return pack.ID{}, inCache(fmt.Errorf("merging %s of %s: %w", strings.Join(f.merge.names, ", "),
			f.address.Web(), err))
	}
	if repo.has(levelTree, tip) {
		return tip, nil
	}
	var data bytes.Buffer
	if err := merger.Pack(&data); err != nil {
		return pack.ID{}, fmt.Errorf("writing what was merged: %w", err)
	}
	receiver := pack.Receiver{Directory: repo.packs(), Limits: s.limits.Pack}
	if _, err := receiver.Receive(ctx, &data); err != nil {
		return pack.ID{}, fmt.Errorf("writing what was merged: %w", err)
	}
	o, err := s.obtainer(repo)
	if err != nil {
		return pack.ID{}, err
	}
	return tip, o.checkAndMark(ctx, tip, levelTree)
}

// conflictError says which of the heads could not be merged.
type conflictError struct {
	head int // index into names
	*merge.ConflictError
}

// run merges each head onto what came before it, which has a base with it.
func (m merging) run(ctx context.Context, db *pack.Database, merger *merge.Merger, bases []pack.ID) (pack.ID, error) {
	tip, tree, latest := m.base, pack.ID{}, int64(0)
	for i, id := range m.commits() {
		head, err := readCommit(db, id)
		if err != nil {
			return pack.ID{}, err
		}
		latest = max(latest, head.time.Unix())
		if i == 0 {
			tree = head.tree
			continue
		}
		if bases[i-1] == id { // what came before has it already
			continue
		}
		base, err := readCommit(db, bases[i-1])
		if err != nil {
			return pack.ID{}, err
		}
		tree, err = merger.Trees(ctx, base.tree, tree, head.tree)
		var conflict *merge.ConflictError
		if errors.As(err, &conflict) {
			return pack.ID{}, &conflictError{i, conflict}
		}
		if err != nil {
			return pack.ID{}, err
		}
		who := fmt.Sprintf("oc-rebuild <oc-rebuild@localhost> %d +0000", latest)
		tip, err = merger.Add(pack.Commit, fmt.Appendf(nil,
			"tree %s\nparent %s\nparent %s\nauthor %s\ncommitter %s\n\nmerge\n",
			tree, tip, id, who, who))
		if err != nil {
			return pack.ID{}, err
		}
	}
	return tip, nil
}

// explain says what a head does not go together with: the base, or the first of the heads before it that has a
// conflict with it where they are alone.
func (m merging) explain(ctx context.Context, db *pack.Database, conflict *conflictError, repository string) error {
	last, with := conflict.head, m.names[:conflict.head]
	for i := range last {
		alone := merging{base: m.base, heads: []pack.ID{m.heads[last-1]}, names: []string{m.names[0], m.names[last]}}
		if i > 0 {
			alone.heads = append([]pack.ID{m.heads[i-1]}, alone.heads...)
			alone.names = slices.Insert(alone.names, 1, m.names[i])
		}
		bases, err := alone.bases(ctx, db)
		if err == nil {
			_, err = alone.run(ctx, db, merge.New(db), bases)
		}
		if same := (*conflictError)(nil); errors.As(err, &same) {
			with = m.names[i : i+1]
			break
		}
	}
	return notResolved("take fewer of them, or merge them in a clone and name that directory as the source",
		"%s of %s cannot be merged: it and %s changed the same lines, or what is renamed or removed in one of them, in %s", m.names[last],
		repository, strings.Join(with, ", "), strings.Join(conflict.Paths, ", "))
}

// mergeBases is bases with the cache opened for it.
func (s *Store) mergeBases(ctx context.Context, f found) ([]pack.ID, error) {
	db, shared, err := s.database(ctx, found{address: f.address, commit: f.merge.base, look: f.look}, levelCommits)
	if err != nil {
		return nil, err
	}
	defer shared.release()
	defer db.Close()
	bases, err := f.merge.bases(ctx, db)
	return bases, inCache(err)
}

// bases finds, for each head, the latest commit from which both it and what it is merged onto come. That is the head
// itself where what it is merged onto has it already.
func (m merging) bases(ctx context.Context, db *pack.Database) (bases []pack.ID, err error) {
	for i, head := range m.heads {
		base, err := mergeBase(ctx, db, m.commits()[:i+1], head)
		if err != nil {
			return nil, fmt.Errorf("merging %s: %w", m.names[i+1], err)
		}
		bases = append(bases, base)
	}
	return bases, nil
}

func mergeBase(ctx context.Context, db *pack.Database, ours []pack.ID, head pack.ID) (pack.ID, error) {
	all := func(pack.ID, commit) bool { return true }
	lineage, err := walkBack(ctx, db, ours, nil, all)
	if err != nil {
		return pack.ID{}, err
	}
	var shared, parents []pack.ID
	if _, err := walkBack(ctx, db, []pack.ID{head}, nil, func(id pack.ID, c commit) bool {
		if lineage[id] {
			shared, parents = append(shared, id), append(parents, c.parents...)
		}
		return !lineage[id]
	}); err != nil {
		return pack.ID{}, err
	}
	older, err := walkBack(ctx, db, parents, nil, all)
	if err != nil {
		return pack.ID{}, err
	}
	best := slices.DeleteFunc(shared, func(id pack.ID) bool { return older[id] })
	advice := "merge it in a clone and name that directory as the source"
	switch len(best) {
	case 0:
		return pack.ID{}, notResolved(advice, "it has no history in common with what it is to be merged onto")
	case 1:
		return best[0], nil
	}
	return pack.ID{},
		notResolved(advice, "its history and that of what it is to be merged onto cross: both %s and %s are their base",
			best[0], best[1])
}
