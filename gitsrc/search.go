package gitsrc

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/remote"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// search fetches branches deeper and deeper until the commit is among what came: first the branches that it is likely
// to be on, then all.
func (o *obtainer) search(ctx context.Context, id pack.ID, l level, branches []string) error {
	o.files = nil // what comes are the files of many commits
	tried := map[string]bool{}
	for _, branch := range append(slices.Clone(branches), o.refs.Head) {
		name := "refs/heads/" + branch
		if _, ok := o.refs.ByName[name]; !ok || tried[name] {
			continue
		}
		tried[name] = true
		if found, err := o.deepen(ctx, id, l, []string{name}); err != nil || found {
			return err
		}
	}
	rest := append(o.refs.Names("refs/heads/"), o.refs.Names("refs/tags/")...)
	if found, err := o.deepen(ctx, id, l, rest); err != nil || found {
		return err
	}
	return fault.New(fault.Unresolved,
		"check the commit; if it is on a fork or a pull request only, name that as the source",
		fmt.Errorf("commit %s is on no branch or tag of %s", id, o.address.Web()))
}

func (o *obtainer) deepen(ctx context.Context, id pack.ID, l level, names []string) (found bool, err error) {
	want := remote.Want{}
	for _, name := range names {
		want.IDs = append(want.IDs, o.refs.ByName[name])
	}
	if len(want.IDs) == 0 {
		return false, nil
	}
	cut := map[pack.ID]bool{}
	for want.Depth = firstDepth; ; want.Depth *= depthFactor {
		o.tell(ctx, "the server gives out no single commits: looking through %s, %d commits deep",
			describe(names), want.Depth)
		if err := o.fetch(ctx, want, cut); err != nil {
			return false, err
		}
		if ok, err := o.holds(id); err != nil {
			return false, err
		} else if ok {
			return true, o.reach(ctx, id, l, want, cut)
		}
		if len(cut) == 0 || want.Depth > maxDepth {
			return false, nil
		}
		want.Haves, want.Shallows = want.IDs, slices.Collect(maps.Keys(cut))
	}
}

// reach completes a commit that was found, for a level that wants all that leads to it.
func (o *obtainer) reach(ctx context.Context, id pack.ID, l level, want remote.Want, cut map[pack.ID]bool) error {
	if l != levelTree && len(cut) > 0 {
		want.Depth, want.Haves, want.Shallows = 0, nil, nil
		if err := o.fetch(ctx, want, cut); err != nil {
			return err
		}
	}
	return o.checkAndMark(ctx, id, l)
}

func (o *obtainer) holds(id pack.ID) (bool, error) {
	db, err := pack.Open(o.objects())
	if err != nil {
		return false, inCache(err)
	}
	defer db.Close()
	return db.Has(id)
}

func describe(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return fmt.Sprintf("%d branches and tags", len(names))
}
