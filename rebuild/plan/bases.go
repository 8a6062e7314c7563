package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/bases"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/once"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// settler settles the bases of a request. What one unit learns about a reference serves the others.
type settler struct {
	*planner
	used     []bool // which of the user's rules is for a base; guarded by mu
	standIns bases.Rules

	mirrorsOnce sync.Once
	mirrorRules bases.Rules // what CI mirrors from public registries

	strategies []strategy

	mu    sync.Mutex
	down  map[string]error // registries that did not answer, by host
	names map[string]int
	fresh map[string]*unit // made since they were last taken

	resolved once.Map[string]          // by pull spec
	made     once.Map[*unit]           // by what they are made of
	images   once.Map[*registry.Image] // of the payload, by pull spec
}

// settleBases finds out what stands for every base and checks that it is available: nothing is built before. Images
// that have to be built first join the work as helpers, and their bases are settled too.
func (p *planner) settleBases(ctx context.Context) error {
	s := &settler{planner: p, down: map[string]error{}, names: map[string]int{}, fresh: map[string]*unit{}}
	s.used = make([]bool, len(p.Rules))
	var err error
	if s.standIns, err = bases.StandIns(); err != nil {
		return err
	}
	s.strategies = s.choose(p.request.BasePolicy)
	for pending := p.units; len(pending) > 0; {
		if err := s.settleAll(ctx, pending); err != nil {
			return err
		}
		if err := s.reconsider(ctx); err != nil {
			return err
		}
		pending = s.takeFresh()
	}
	if err := s.checkRules(); err != nil {
		return err
	}
	p.dropUnused()
	return nil
}

// settleAll settles the bases of several units at once. A component that cannot be built is an error, unless the whole
// payload is planned; a helper is only marked: those who wanted it may have another way.
func (s *settler) settleAll(ctx context.Context, units []*unit) error {
	failures := make([]error, len(units))
	var outer errgroup.Group
	outer.SetLimit(32)
	for i, u := range units {
		if u.problem != nil {
			continue
		}
		outer.Go(func() error {
			for _, b := range u.wants() {
				if err := s.settleBase(ctx, u, b); err != nil {
					b.problem = s.explain(u, b, err)
					failures[i] = fault.Join(failures[i], b.problem)
					if !s.Lenient {
						return nil
					}
				}
			}
			return nil
		})
	}
	_ = outer.Wait() // failures has them all
	for i, u := range units {
		if failures[i] == nil || ctx.Err() != nil {
			continue
		}
		if u.replaces() && !s.Lenient {
			return failures[i]
		}
		u.problem = failures[i]
	}
	return ctx.Err()
}

// reconsider looks for another way for each base whose unit turned out to be impossible, until nothing changes any
// more.
func (s *settler) reconsider(ctx context.Context) error {
	for changed := true; changed; {
		changed = false
		for _, u := range slices.Concat(s.units, s.helpers) {
			for _, b := range u.wants() {
				if b.built == nil || b.built.problem == nil || b.built.replaces() || u.problem != nil {
					continue
				}
				changed = true
				b.attempts = append(b.attempts, attempt{from: b.from, err: b.built.problem})
				b.built = nil
				b.next++
				err := s.settleBase(ctx, u, b)
				if err == nil {
					continue
				}
				err = s.explain(u, b, err)
				if u.replaces() && !s.Lenient {
					return err
				}
				u.problem, b.problem = err, err
			}
		}
	}
	return ctx.Err()
}

// settleBase goes through the strategies, from where it stopped last, until one gives an image.
func (s *settler) settleBase(ctx context.Context, u *unit, b *base) error {
	for ; b.next < len(s.strategies); b.next++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		settled, err := s.strategies[b.next].try(ctx, u, b)
		if settled || err != nil {
			return err
		}
	}
	if len(b.attempts) == 0 {
		return errors.New("nothing says which image it is")
	}
	first := b.attempts[0]
	if len(b.attempts) == 1 {
		return first.err
	}
	lines := make([]string, 0, len(b.attempts))
	for _, a := range b.attempts {
		lines = append(lines, fmt.Sprintf("  %s: %v", a.from, a.err))
	}
	return fault.New(fault.Unresolved, fault.AdviceOf(first.err), fmt.Errorf("tried:\n%s", strings.Join(lines, "\n")))
}

// offer makes a pull spec the choice, once it is known by digest; where that fails, it notes why.
func (s *settler) offer(ctx context.Context, b *base, from, pullSpec, why string) bool {
	var chosen string
	var err error
	if from != fromMap { // only the user may name a place on this machine
		_, err = registry.ParsePullSpec(pullSpec)
	}
	if err == nil {
		chosen, err = s.resolve(ctx, pullSpec)
	}
	if err != nil {
		b.attempts = append(b.attempts, attempt{from, pullSpec, err})
		return false
	}
	b.chosen, b.from, b.why = chosen, from, why
	return true
}

// resolve returns a pull spec by digest, having asked the registry once however often it is named. A registry that does
// not answer is not asked for another image.
func (s *settler) resolve(ctx context.Context, pullSpec string) (string, error) {
	host := ""
	if named, err := registry.ParsePullSpec(pullSpec); err == nil {
		host, _, _ = strings.Cut(named.Name(), "/")
	}
	s.mu.Lock()
	down := s.down[host]
	s.mu.Unlock()
	if down != nil && !s.resolved.Has(pullSpec) {
		return "", fmt.Errorf("%s did not answer before: %w", host, down)
	}
	chosen, err := s.resolved.Do(pullSpec, func() (string, error) { return s.Registry.Resolve(ctx, pullSpec) })
	if err != nil && ctx.Err() == nil && fault.KindOf(err) == fault.Other && host != "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		// the rest tells of this image, not of others
		s.down[host] = fault.New(fault.Other, fault.AdviceOf(err), cause(err))
	}
	return chosen, err
}

// cause returns the innermost of an error's causes; of several, that of the first.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			inner = several.Unwrap()[0]
		}
		if inner == nil {
			return err
		}
		err = inner
	}
}

// explain says which base of which line is not available, and what to pass instead. Whatever the registry answered,
// this is an input that cannot be resolved.
func (s *settler) explain(u *unit, b *base, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	key := b.Reference
	if !b.Image.IsZero() {
		key = b.Image.String()
	}
	where := ""
	switch {
	case b.Line == 0:
		where = "of " + u.match.Path
	case u.recipe.Literal != "":
		where = fmt.Sprintf("line %d of the config's dockerfile_literal", b.Line)
	default:
		where = fmt.Sprintf("line %d of %s", b.Line, u.recipe.Dockerfile)
	}
	if u.os != nil {
		where = fmt.Sprintf("line %d of %s", b.Line, u.recipe.Dockerfile)
	}
	if !b.Image.IsZero() {
		where += ", which is " + b.Image.String()
	}
	name := b.Reference
	if name == "" {
		name = b.Alias
	}
	advice := fmt.Sprintf("Pass --base-image %s=PULLSPEC to build on another image, or log in to its registry.\n%s",
		key, fault.AdviceOf(err))
	if u.os != nil && b.Reference == u.os.Tools {
		advice = "Pass --os-tools-image PULLSPEC to use another image, or log in to its registry.\n" +
			fault.AdviceOf(err)
	}
	return fault.New(fault.Unresolved, advice,
		fmt.Errorf("%s %q: the base image %q (%s) is not available: %w", u.noun(), u.target.Name, name, where, err))
}
