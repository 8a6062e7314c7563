package pack

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/pjbgf/sha1cd"
	"golang.org/x/sync/errgroup"
)

// resolver finds the ids of the objects that a pack holds as deltas. Each chain of deltas is followed from its base
// outwards, so that every object is built once; chains are spread over goroutines.
type resolver struct {
	file     io.ReaderAt
	entries  []entry
	limits   Limits
	contents *Contents
	byBase   map[int32][]int32 // entry → entries that are ofsDeltas from it

	mu   sync.Mutex
	byID map[ID][]int32 // id → entries that are refDeltas from it, until they are taken

	memory memory
}

// maxWorkers bounds how much those have in memory whose turn it is not.
const maxWorkers = 8

// resolve finds all ids. It returns the checksum of the pack: sum, unless bases had to be added.
func (s *scanner) resolve(ctx context.Context, file *os.File, workers int, bases Bases, sum ID) (ID, error) {
	r := &resolver{file: file, entries: s.entries, limits: s.limits, contents: s.contents, byBase: map[int32][]int32{},
		byID: map[ID][]int32{}}
	var roots []int32
	for i, e := range s.entries {
		switch e.kind {
		case ofsDelta:
			r.byBase[e.base] = append(r.byBase[e.base], int32(i))
		case refDelta:
			r.byID[e.id] = append(r.byID[e.id], int32(i))
		default:
			roots = append(roots, int32(i))
		}
	}
	if len(roots) == len(s.entries) {
		return sum, nil
	}
	err := r.run(ctx, roots, workers)
	if err == nil && len(r.byID) > 0 && bases != nil {
		sum, err = s.complete(ctx, file, r, bases)
	}
	if err != nil {
		return ID{}, fmt.Errorf("resolving deltas: %w", err)
	}
	for _, e := range s.entries {
		if e.kind.delta() {
			return ID{}, fmt.Errorf("delta at byte %d has no base: %w", e.offset, ErrCorrupt)
		}
	}
	return sum, nil
}

func (r *resolver) run(ctx context.Context, roots []int32, workers int) error {
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(workers, maxWorkers) {
		group.Go(func() error {
			w := &worker{resolver: r, z: newInflater(), sum: sha1cd.New().(sha1cd.CollisionResistantHash),
				large: share{of: &r.memory}}
			for {
				i := next.Add(1) - 1
				if i >= int64(len(roots)) {
					return nil
				}
				if err := w.follow(ctx, roots[i]); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// children returns the entries that are deltas from an object, and makes sure that nobody else gets them.
func (r *resolver) children(index int32, id ID) []int32 {
	list := r.byBase[index]
	r.mu.Lock()
	defer r.mu.Unlock()
	if more, ok := r.byID[id]; ok {
		delete(r.byID, id)
		list = append(list[:len(list):len(list)], more...)
	}
	return list
}

type worker struct {
	*resolver
	z     *inflater
	sum   sha1cd.CollisionResistantHash
	large share
	held  int64 // bytes of objects in memory
}

// frame is an object whose deltas are being built.
type frame struct {
	data []byte
	todo []int32
}

// follow builds everything that is a delta from root, directly or not. An object is let go when its last delta is
// begun, so a plain chain holds two objects, however long it is.
func (w *worker) follow(ctx context.Context, root int32) error {
	e := w.entries[root]
	todo := w.children(root, e.id)
	if len(todo) == 0 {
		return nil
	}
	defer w.large.release()
	data, err := w.read(e.body, e.size)
	if err != nil {
		return err
	}
	stack := []frame{{data, todo}}
	for len(stack) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		top := &stack[len(stack)-1]
		parent, index, last := top.data, top.todo[0], len(top.todo) == 1
		if top.todo = top.todo[1:]; last {
			stack = stack[:len(stack)-1]
		}
		child, err := w.build(parent, index, e.kind)
		if err != nil {
			return fmt.Errorf("object at byte %d: %w", w.entries[index].offset, err)
		}
		if last {
			w.held -= int64(len(parent))
		}
		if todo := w.children(index, w.entries[index].id); len(todo) > 0 {
			stack = append(stack, frame{child, todo})
		} else {
			w.held -= int64(len(child))
		}
	}
	return nil
}

func (w *worker) build(base []byte, index int32, kind Type) ([]byte, error) {
	e := &w.entries[index]
	delta, err := w.read(e.body, e.size)
	if err != nil {
		return nil, err
	}
	defer func() { w.held -= e.size }()
	if err := w.hold(announced(delta)); err != nil {
		return nil, err
	}
	out, err := applyDelta(base, delta, w.limits.ObjectBytes)
	if err != nil {
		return nil, err
	}
	w.sum.Reset()
	w.sum.Write(appendHeader(nil, kind, int64(len(out))))
	w.sum.Write(out)
	if e.id, err = safeSum(w.sum); err != nil {
		return nil, err
	}
	if e.kind = kind; kind == Blob {
		w.contents.add(e.id, out)
	}
	return out, nil
}

func (w *worker) read(offset, size int64) ([]byte, error) {
	if err := w.hold(size); err != nil {
		return nil, err
	}
	data := make([]byte, size)
	return data, w.z.readFull(w.file, offset, data)
}

// hold counts bytes that are about to be allocated. It waits for its turn where they are many.
func (w *worker) hold(size int64) error {
	if size > w.limits.DeltaMemory-w.held {
		return OverLimit("deltas need more than %d bytes of memory", w.limits.DeltaMemory)
	}
	w.large.take(size, w.held)
	w.held += size
	return nil
}
