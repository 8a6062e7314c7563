package plan

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// pipelineUnit returns the unit that builds another image of a unit's config, from the same source.
func (s *settler) pipelineUnit(ctx context.Context, u *unit, tag string) (*unit, error) {
	key := strings.Join([]string{u.match.Origin, u.match.Path, tag, u.tree.Repository, u.tree.Commit,
		u.tree.Path, u.spec.String(),
		strings.Join(u.request.Patches, ",")}, "\x00")
	name := u.target.Name + "/" + tag
	if u.match.Repo != "" {
		name = u.match.Org + "/" + u.match.Repo + ":" + tag
	}
	return s.make(key, func() (*unit, error) {
		other := &unit{kind: kindPipeline, target: Target{Name: name}, component: u.component, spec: u.spec,
			request: u.request,
			tree:    u.tree, match: u.match}
		other.match.Image, other.match.Reason = tag, "other images of the config are built from it"
		if s.request.All {
			return other, other.readRecipe(nil)
		}
		return other, s.readSource(ctx, other)
	})
}

// sourceUnit returns the unit that builds a base image from the head of the branch whose config promotes it.
func (s *settler) sourceUnit(ctx context.Context, ref ciconfig.ImageRef) (*unit, error) {
	return s.make(ref.String(), func() (*unit, error) {
		if s.Configs == nil {
			return nil, fault.Errorf(fault.Unresolved,
				"there are no configs in which to look for what promotes %s", ref)
		}
		match, err := s.Configs.Find(ctx, ciconfig.Query{Stream: ciconfig.Stream{Namespace: ref.Namespace,
			Name: ref.Name}, Tag: ref.Tag})
		if err != nil {
			return nil, err
		}
		if match.To != ref {
			return nil, fault.Errorf(fault.Unresolved, "no config promotes %s", ref)
		}
		repository := "https://github.com/" + match.Org + "/" + match.Repo
		other := &unit{kind: kindBase, target: Target{Name: ref.String()}, match: match,
			component: payload.Component{Name: ref.String(), Source: repository, Ref: match.Branch},
			spec:      gitsrc.Spec{Kind: gitsrc.Fork, Repository: repository, Ref: match.Branch}}
		return other, s.obtain(ctx, other)
	})
}

// make makes a unit once, however often it is asked for.
func (s *settler) make(key string, first func() (*unit, error)) (*unit, error) {
	return s.made.Do(key, func() (*unit, error) {
		u, err := first()
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fresh[key] = u
		return u, nil
	})
}

// takeFresh returns the units made since the last call, and makes them part of the work. Their order, and the numbers
// of those that build the same image from different sources, do not depend on which goroutine was faster.
func (s *settler) takeFresh() []*unit {
	s.mu.Lock()
	defer s.mu.Unlock()
	var fresh []*unit
	for _, key := range slices.Sorted(maps.Keys(s.fresh)) {
		u := s.fresh[key]
		s.names[u.target.Name]++
		if n := s.names[u.target.Name]; n > 1 {
			u.target.Name += fmt.Sprintf("#%d", n)
		}
		fresh = append(fresh, u)
	}
	clear(s.fresh)
	slices.SortStableFunc(fresh, func(a, b *unit) int { return strings.Compare(a.target.Name, b.target.Name) })
	s.helpers = append(s.helpers, fresh...)
	return fresh
}
