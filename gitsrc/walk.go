package gitsrc

import (
	"container/heap"
	"context"
	"errors"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
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

// walkBack visits commits and all that lead to them, latest first, but those of stop, and those that lead to a commit
// for which the visitor returns false. It returns what it has seen.
func walkBack(
	ctx context.Context, db *pack.Database, from []pack.ID, stop map[pack.ID]bool, visitor func(pack.ID, commit) bool,
) (map[pack.ID]bool, error) {
	seen := map[pack.ID]bool{}
	var queue byTime
	push := func(id pack.ID) error {
		if seen[id] || stop[id] {
			return nil
		}
		c, err := readCommit(db, id)
		if errors.Is(err, pack.ErrNotFound) && len(seen) > 0 {
			return nil // history begins here
		}
		if err != nil {
			return err
		}
		seen[id] = true
		heap.Push(&queue, visit{id, c})
		return nil
	}
	for _, id := range from {
		if err := push(id); err != nil {
			return nil, err
		}
	}
	for len(queue) > 0 {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		v := heap.Pop(&queue).(visit)
		if !visitor(v.id, v.commit) {
			continue
		}
		for _, parent := range v.parents {
			if err := push(parent); err != nil {
				return nil, err
			}
		}
	}
	return seen, nil
}
