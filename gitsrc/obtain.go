package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/remote"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

const (
	maxHaves    = 8
	firstDepth  = 50 // commits of a branch that are fetched at first, where single commits cannot be
	depthFactor = 4
	maxDepth    = 1 << 24
)

// obtainer brings commits of one upstream into the cache. Its caller holds the exclusive lock.
type obtainer struct {
	*repository
	store  *Store
	remote *remote.Remote
	refs   *remote.Refs   // nil until the server was asked
	files  *pack.Contents // gets the files that come, for a checkout that follows; nil = none does
}

func (o *obtainer) tell(ctx context.Context, format string, args ...any) {
	o.store.tell(ctx, Event{Repository: o.address.Web(), Message: fmt.Sprintf(format, args...)})
}

// obtain fetches a commit to a level. branches are where to look for it if the server does not give out single commits.
func (o *obtainer) obtain(ctx context.Context, id pack.ID, l level, branches []string) error {
	if o.refs == nil && o.remote.Stateless() {
		err := o.single(ctx, id, l)
		if err == nil || !worthAsking(ctx, err) {
			return err
		}
		o.tell(ctx, "asking for commit %s alone did not work (%v)", id, err)
	}
	if err := o.askRefs(ctx); err != nil {
		return err
	}
	if o.refs.AnyID || o.isTip(id) {
		err := o.single(ctx, id, l)
		if err == nil || !worthAsking(ctx, err) {
			return err
		}
		o.tell(ctx, "asking for commit %s alone did not work (%v)", id, err)
	}
	return o.search(ctx, id, l, branches)
}

func (o *obtainer) askRefs(ctx context.Context) (err error) {
	if o.refs == nil {
		o.refs, err = o.remote.Refs(ctx)
	}
	return err
}

func (o *obtainer) isTip(id pack.ID) bool {
	for name, tip := range o.refs.ByName {
		if tip == id || o.refs.Peeled[name] == id {
			return true
		}
	}
	return false
}

// worthAsking tells whether another way to ask may succeed where err came.
func worthAsking(ctx context.Context, err error) bool {
	kind := fault.KindOf(err)
	var here *os.PathError // a full disk, say
	var large *pack.LimitError
	if errors.As(err, &here) || errors.As(err, &large) || errors.Is(err, errDamaged) {
		return false
	}
	return ctx.Err() == nil && kind != fault.Unauthorized && kind != fault.Unresolved &&
		!errors.Is(err, remote.ErrStalled)
}

// single fetches one commit by its id.
func (o *obtainer) single(ctx context.Context, id pack.ID, l level) error {
	want := remote.Want{IDs: []pack.ID{id}}
	switch l {
	case levelTree:
		want.Depth = 1
		shallow, err := o.shallow()
		if err != nil {
			return err
		}
		want.Haves = o.latest(l, maxHaves)
		for _, have := range want.Haves {
			if shallow[have] {
				want.Shallows = append(want.Shallows, have)
			}
		}
	case levelNames:
		want.Depth, want.Filter = 1, "blob:none"
	case levelCommits:
		want.Filter, want.Haves = "tree:0", o.latest(l, maxHaves)
	}
	if len(want.Haves) > 0 {
		if err := o.fetchAndMark(ctx, want, id, l); err == nil || !worthAsking(ctx, err) {
			return err
		}
		// Perhaps the cache has lost something of what it claims to have: ask for everything.
		want.Haves, want.Shallows = nil, nil
	}
	return o.fetchAndMark(ctx, want, id, l)
}

func (o *obtainer) fetchAndMark(ctx context.Context, want remote.Want, id pack.ID, l level) error {
	if err := o.fetch(ctx, want, map[pack.ID]bool{}); err != nil {
		return err
	}
	return o.checkAndMark(ctx, id, l)
}

// fetch receives a pack and remembers where history was cut, for the repository and in cut.
func (o *obtainer) fetch(ctx context.Context, want remote.Want, cut map[pack.ID]bool) error {
	shallow, err := o.shallow()
	if err != nil {
		return err
	}
	return o.remote.Fetch(ctx, want, func(answer *remote.Answer) error {
		moved := func(total int64) {
			o.store.tell(ctx, Event{Repository: o.address.Web(), Message: "receiving", Bytes: total})
		}
		if err := o.receive(ctx, answer, len(want.Haves) > 0, every(progressStep, moved)); err != nil {
			return err
		}
		for _, c := range answer.Unshallows {
			delete(shallow, c)
			delete(cut, c)
		}
		for _, c := range answer.Shallows {
			shallow[c], cut[c] = true, true
		}
		return o.writeShallow(shallow)
	})
}

// receive stores a pack. thin is whether it may be a difference from what the cache has.
func (o *obtainer) receive(ctx context.Context, answer *remote.Answer, thin bool, moved func(int64)) error {
	var bases pack.Bases
	if thin {
		db, err := pack.Open(o.objects())
		if err != nil {
			return inCache(err)
		}
		defer db.Close()
		bases = db.Object
	}
	receiver := pack.Receiver{Directory: o.packs(), Limits: o.store.limits.Pack, Bases: bases, Moved: moved,
		Contents: o.files}
	_, err := receiver.Receive(ctx, answer)
	return err
}

const progressStep = 1 << 20

// every passes on a growing number when it has grown by a step.
func every(step int64, f func(int64)) func(int64) {
	next := step
	return func(total int64) {
		if total >= next {
			next = total + step
			f(total)
		}
	}
}

// checkAndMark makes sure that the server sent everything, and what it was asked for, before anybody relies on it.
func (o *obtainer) checkAndMark(ctx context.Context, id pack.ID, l level) error {
	db, err := pack.Open(o.objects())
	if err != nil {
		return inCache(err)
	}
	defer db.Close()
	c, err := readCommit(db, id)
	if err != nil {
		return fmt.Errorf("the server did not send commit %s: %w", id, err)
	}
	if l != levelCommits {
		check := treeCheck{db: db, sizes: map[pack.ID]treeSize{}, limits: o.store.limits.Tree, files: l != levelNames}
		if _, err := check.tree(ctx, c.tree, 0); err != nil {
			return fmt.Errorf("commit %s as the server sent it: %w", id, err)
		}
	}
	return o.mark(l, id)
}
