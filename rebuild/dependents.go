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
	w.added = map[string]bool{}
	for _, name := range added {
		w.request.Targets = append(w.request.Targets, Target{Name: name})
		w.added[name] = true
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
			tags, err := match.Config.PayloadTags(match.Image, w.stream)
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

// leaveOut takes a component out of the work that only --with-dependents brought into it, because its source cannot be had: the others are
// built all the same. It reports whether it did.
func (j *Job) leaveOut(w *work, u *unit, err error) bool {
	if !w.added[u.target.Name] || !w.checkout {
		return false
	}
	u.leftOut = true
	j.report(u.target.Name, StageResolve, Warned, "left out, it stays as it is in the payload: %v", err)
	return true
}
