package rebuild

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// What stands for a base, as plans say it.
const (
	fromConfig  = "config"  // what the config or the Dockerfile says
	fromMap     = "map"     // --base-image
	fromPayload = "payload" // the source payload has it
	fromBuild   = "build"   // a component of the same run
)

// payloadScheme marks a pull spec that names an image of the source payload: payload:NAME.
const payloadScheme = "payload:"

// basesOf settles the bases of a request. What one component learns about a reference serves the others.
type basesOf struct {
	job     *Job
	work    *work
	mapping []baseMapping

	mu       sync.Mutex
	resolved map[string]func() (string, error)
}

// settleBases finds out what stands for every base, all at once, and checks that it can be had: nothing is built before.
func (j *Job) settleBases(ctx context.Context, w *work) error {
	mapping, err := parseBaseMappings(w.request.BaseImages)
	if err != nil {
		return err
	}
	s := &basesOf{job: j, work: w, mapping: mapping, resolved: map[string]func() (string, error){}}
	group := new(errgroup.Group)
	group.SetLimit(16)
	for _, u := range w.units {
		for _, b := range u.bases {
			group.Go(func() error {
				if err := s.settle(ctx, u, b); err != nil {
					return s.explain(u, b, err)
				}
				return nil
			})
		}
	}
	return group.Wait()
}

// settle tries, in this order: what the user mapped, a component of the same run, the payload itself, what the config or the Dockerfile
// says.
func (s *basesOf) settle(ctx context.Context, u *unit, b *base) error {
	if pullSpec, why, ok := lookUpMapping(s.mapping, b.Base); ok {
		return s.take(ctx, u, b, pullSpec, fromMap, why)
	}
	if b.Sibling != "" {
		return fmt.Errorf("it is built from %q of the same config, which has to be built first: not supported yet", b.Sibling)
	}
	if strings.HasPrefix(b.Pullspec, payloadScheme) {
		return s.take(ctx, u, b, b.Pullspec, fromPayload, "the Dockerfile says so")
	}
	if tag, ok := s.work.ciStream().Holds(b.Image); ok && !b.Image.IsZero() {
		if _, err := s.work.release.Component(tag); err == nil && tag != u.target.Name {
			return s.take(ctx, u, b, payloadScheme+tag, fromPayload, "the payload has what "+b.Image.String()+" was when it was made")
		}
	}
	if b.Image.IsZero() {
		return s.take(ctx, u, b, b.Pullspec, fromConfig, b.Reason)
	}
	return s.take(ctx, u, b, b.Image.Pullspec(), fromConfig, b.Reason)
}

// take makes a pull spec, or payload:NAME, the choice, once it is known by digest.
func (s *basesOf) take(ctx context.Context, u *unit, b *base, pullSpec, from, why string) error {
	b.from, b.why = from, why
	if name, ok := strings.CutPrefix(pullSpec, payloadScheme); ok {
		for _, other := range s.work.units {
			if other.target.Name == name && other != u && other.swapped == "" {
				b.built, b.from, b.why = other, fromBuild, name+" is built in the same run"
				return nil
			}
		}
		component, err := s.work.release.Component(name)
		if err != nil {
			return err
		}
		pullSpec = component.Image
	}
	var err error
	b.chosen, err = s.resolve(ctx, pullSpec)
	return err
}

// resolve returns a pull spec by digest, having asked the registry once however often it is named.
func (s *basesOf) resolve(ctx context.Context, pullSpec string) (string, error) {
	s.mu.Lock()
	once, ok := s.resolved[pullSpec]
	if !ok {
		once = sync.OnceValues(func() (string, error) { return s.job.Reading.Resolve(ctx, pullSpec) })
		s.resolved[pullSpec] = once
	}
	s.mu.Unlock()
	return once()
}

// explain says which base of which line cannot be had, and what to pass instead. Whatever the registry answered, this is an input that
// cannot be resolved.
func (s *basesOf) explain(u *unit, b *base, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	key := b.Reference
	if !b.Image.IsZero() {
		key = b.Image.String()
	}
	where := u.recipe.Dockerfile
	if u.recipe.Literal != "" {
		where = "the config's dockerfile_literal"
	}
	if u.os != nil {
		where = u.recipe.Dockerfile
	}
	stands := ""
	if !b.Image.IsZero() {
		stands = ", which is " + b.Image.String()
	}
	advice := fmt.Sprintf("Pass --base-image %s=PULLSPEC to build on another image, or log in to its registry.\n%s", key, fault.AdviceOf(err))
	return fault.New(fault.Unresolved, advice, fmt.Errorf("component %q: the base image %q (line %d of %s%s) cannot be had: %w",
		u.target.Name, b.Reference, b.Line, where, stands, err))
}

// baseMapping is one --base-image.
type baseMapping struct{ pattern, pullSpec string }

// parseBaseMappings reads REFERENCE=PULLSPEC.
func parseBaseMappings(texts []string) ([]baseMapping, error) {
	var mappings []baseMapping
	for _, text := range texts {
		pattern, pullSpec, ok := strings.Cut(text, "=")
		if !ok || pattern == "" || pullSpec == "" {
			return nil, fault.Errorf(fault.Usage, "--base-image %q: want REFERENCE=PULLSPEC", text)
		}
		mappings = append(mappings, baseMapping{pattern, pullSpec})
	}
	return mappings, nil
}

// lookUpMapping returns what the user wants in place of a base. A mapping names the image as CI does (namespace/name:tag), the text of the
// Dockerfile, or the config's alias; the last one that matches wins.
func lookUpMapping(mappings []baseMapping, b ciconfig.Base) (pullSpec, why string, ok bool) {
	for _, m := range mappings {
		for _, name := range []string{b.Image.String(), b.Reference, b.Alias, b.Pullspec} {
			if name != "" && matchWildcard(m.pattern, name) {
				pullSpec, why, ok = m.pullSpec, "--base-image "+m.pattern, true
			}
		}
	}
	return pullSpec, why, ok
}

// matchWildcard reports whether name matches a pattern in which * stands for any text.
func matchWildcard(pattern, name string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == name
	}
	if !strings.HasPrefix(name, first) {
		return false
	}
	name = name[len(first):]
	for i := 0; i <= len(name); i++ {
		if matchWildcard(rest, name[i:]) {
			return true
		}
	}
	return false
}
