package gitsrc

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/pack"
)

const (
	maxCandidates = 10 // tags that git describe compares
	abbreviated   = 9  // digits of a commit in the answer
)

// visit is a commit on the way through history.
type visit struct {
	id pack.ID
	commit
}

// byTime is a heap of commits, latest first.
type byTime []visit

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, j int) bool { return h[i].time.After(h[j].time) }
func (h byTime) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byTime) Push(x any)        { *h = append(*h, x.(visit)) }
func (h *byTime) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// candidate is a tag that leads to the commit; depth counts the commits that are not part of it.
type candidate struct {
	name  string
	flag  uint16
	depth int
}

// describer walks history backwards as git describe --tags does.
type describer struct {
	db         *pack.Database
	queue      byTime
	flags      map[pack.ID]uint16 // which candidates a commit is part of
	candidates []candidate
}

// describeCommit returns what `git describe --tags --always` says: TAG, TAG-COMMITS-gID, or the abbreviated ID where no tag leads to the commit.
func describeCommit(ctx context.Context, db *pack.Database, id pack.ID, tags map[pack.ID]string) (string, error) {
	if name, ok := tags[id]; ok {
		return name, nil
	}
	d := &describer{db: db, flags: map[pack.ID]uint16{}}
	if err := d.push(id, 0); err != nil {
		return "", err
	}
	for seen := 0; len(d.queue) > 0 && len(d.candidates) < maxCandidates; seen++ {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		v := heap.Pop(&d.queue).(visit)
		if name, ok := tags[v.id]; ok {
			c := candidate{name, 1 << len(d.candidates), seen}
			d.candidates = append(d.candidates, c)
			d.flags[v.id] |= c.flag
		}
		for i := range d.candidates {
			if d.flags[v.id]&d.candidates[i].flag == 0 {
				d.candidates[i].depth++
			}
		}
		if err := d.pushParents(v); err != nil {
			return "", err
		}
	}
	short := id.String()[:abbreviated]
	if len(d.candidates) == 0 {
		return short, nil
	}
	best := slices.MinFunc(d.candidates, func(a, b candidate) int { return a.depth - b.depth })
	if err := d.finish(ctx, &best); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s-%d-g%s", best.name, best.depth, short), nil
}

// push adds a commit to the queue, or only the flags if it is or was there. Commits before the history that is known are left out.
func (d *describer) push(id pack.ID, flags uint16) error {
	if old, ok := d.flags[id]; ok {
		d.flags[id] = old | flags
		return nil
	}
	c, err := readCommit(d.db, id)
	if errors.Is(err, pack.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	d.flags[id] = flags
	heap.Push(&d.queue, visit{id, c})
	return nil
}

func (d *describer) pushParents(v visit) error {
	for _, parent := range v.parents {
		if err := d.push(parent, d.flags[v.id]); err != nil {
			return err
		}
	}
	return nil
}

// finish counts the rest of the commits that are not part of the best tag.
func (d *describer) finish(ctx context.Context, best *candidate) error {
	for slices.ContainsFunc(d.queue, func(v visit) bool { return d.flags[v.id]&best.flag == 0 }) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		v := heap.Pop(&d.queue).(visit)
		if d.flags[v.id]&best.flag == 0 {
			best.depth++
		}
		if err := d.pushParents(v); err != nil {
			return err
		}
	}
	return nil
}
