package plan

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// addDependents adds to the request every component whose image is built on one that is named, and on those, as the
// configs declare it: no source is fetched to find them. Components whose config is not found depend on nothing.
func (p *planner) addDependents(ctx context.Context) error {
	users, err := p.users(ctx)
	if err != nil {
		return err
	}
	named := map[string]bool{}
	var pending, added []string
	for _, target := range p.request.Targets {
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
	p.added = map[string]bool{}
	for _, name := range added {
		p.request.Targets = append(p.request.Targets, Target{Name: name})
		p.added[name] = true
		p.Report.Report(name, progress.Resolve, progress.Running, "added: it is built on a component that changes")
	}
	return nil
}

// users lists for each component those that are built directly on it.
func (p *planner) users(ctx context.Context) (map[string][]string, error) {
	users := map[string][]string{}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(16)
	for name := range p.components {
		group.Go(func() error {
			u, err := p.identify(Target{Name: name})
			if err != nil {
				return nil
			}
			match, err := p.promoting(ctx, p.query(u))
			if err != nil {
				return nil
			}
			tags, err := match.Config.PayloadTags(match.Image, p.stream)
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

// leaveOut takes a component out of the work that only --with-dependents brought into it, because its source is not
// available: the others are built all the same. It reports whether it did.
func (p *planner) leaveOut(u *unit, err error) bool {
	if !p.added[u.target.Name] {
		return false
	}
	u.leftOut = true
	p.Report.Report(u.target.Name, progress.Resolve, progress.Warned,
		"left out, it stays as it is in the payload: %v", err)
	return true
}
