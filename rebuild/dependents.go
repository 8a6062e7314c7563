package rebuild

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// addDependents adds to the request every component whose image is built on one that is named, and on those, as the configs declare it:
// no source is fetched to find them. Components whose config is not found depend on nothing.
func (j *Job) addDependents(ctx context.Context, w *work) error {
	users, err := j.users(ctx, w)
	if err != nil {
		return err
	}
	named := map[string]bool{}
	var pending, added []string
	for _, target := range w.request.Targets {
		named[target.Name] = true
		pending = append(pending, target.Name)
	}
	for len(pending) > 0 {
		for _, user := range users[pending[0]] {
			if !named[user] {
				named[user] = true
				pending, added = append(pending, user), append(added, user)
			}
		}
		pending = pending[1:]
	}
	slices.Sort(added)
	for _, name := range added {
		w.request.Targets = append(w.request.Targets, Target{Name: name})
		j.report(name, StageResolve, Running, "added: it is built on a component that changes")
	}
	return nil
}

// users lists for each component those that are built directly on it.
func (j *Job) users(ctx context.Context, w *work) (map[string][]string, error) {
	users := map[string][]string{}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(16)
	for name := range w.components {
		group.Go(func() error {
			u, err := w.identify(Target{Name: name})
			if err != nil {
				return nil
			}
			match, err := j.findConfig(ctx, u.query(w))
			if err != nil {
				return nil
			}
			tags, err := match.Config.PayloadTags(match.Image, w.ciStream())
			if err != nil {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			for _, tag := range tags {
				users[tag] = append(users[tag], name)
			}
			return nil
		})
	}
	_ = group.Wait() // nothing fails
	return users, ctx.Err()
}
