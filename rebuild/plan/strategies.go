package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/bases"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// What stands for a base, as plans say it.
const (
	fromMap = "map" // --base-image or --base-image-map
	// built in the same run: a component, an image of the same config, or a base from its source
	fromBuild   = "build"
	fromPayload = "payload" // the source payload has it
	fromConfig  = "config"  // what the config or the Dockerfile says
	fromPeel    = "peel"    // the payload's image without the layer that its own build added
	fromOverlay = "overlay" // the payload's image of the component itself
	fromPublic  = "public"  // a public image from the table of stand-ins
)

// The values of Request.BasePolicy.
const (
	PolicyAuto = "auto" // look for a base that is available
	PolicyCI   = "ci"   // only what CI uses
)

// PayloadScheme marks a pull spec that names an image of the source payload: payload:NAME.
const PayloadScheme = "payload:"

// quayProxy is the registry through which CI's images on quay.io are pulled.
const quayProxy = "quay-proxy.ci.openshift.org/openshift/ci:"

// strategy is one way to find what stands for a base. It reports whether it settled the base. Where it is for such a
// base but fails, it leaves an attempt, and the next one is tried; an error ends the search.
type strategy struct {
	from string
	try  func(ctx context.Context, u *unit, b *base) (settled bool, err error)
}

// choose returns the strategies of a policy in their order: what the user says; what is exactly what CI would take;
// then what comes closest, an image that was made on the base before images that only resemble it.
func (s *settler) choose(policy string) []strategy {
	list := []strategy{{fromMap, s.tryMap}, {fromBuild, s.trySibling}}
	if policy != PolicyCI {
		list = append(list, strategy{fromPayload, s.tryPayload})
	}
	list = append(list, strategy{fromConfig, s.tryConfig})
	if policy != PolicyCI {
		list = append(list, strategy{fromPeel, s.tryPeel}, strategy{fromOverlay, s.tryOverlay},
			strategy{fromBuild, s.trySource}, strategy{fromPublic, s.tryPublic})
	}
	return list
}

// tryMap takes what the user wants, or what the Dockerfile itself wants of the payload. It must be there.
func (s *settler) tryMap(ctx context.Context, u *unit, b *base) (bool, error) {
	pullSpec, rule, ok := s.wish(b)
	if !ok {
		if name, ok := strings.CutPrefix(b.Pullspec, PayloadScheme); ok {
			return s.takePayload(ctx, u, b, name, fromPayload, "the Dockerfile says so")
		}
		return false, nil
	}
	why := rule.Source + " " + rule.Pattern
	if name, ok := strings.CutPrefix(pullSpec, PayloadScheme); ok {
		return s.takePayload(ctx, u, b, name, fromMap, why)
	}
	if !s.offer(ctx, b, fromMap, pullSpec, why) {
		return false, b.attempts[len(b.attempts)-1].err
	}
	return true, nil
}

// trySibling builds an image of the same config first, as CI does; but what the payload was built with is taken from
// it, where nothing of the source has changed since.
func (s *settler) trySibling(ctx context.Context, u *unit, b *base) (bool, error) {
	if b.Sibling == "" {
		return false, nil
	}
	if name, ok := s.promotedAs(u, b.Sibling); ok {
		if s.sameRun(u, b, name) {
			return true, nil
		}
		component := s.components[name]
		unchanged := u.spec.Kind == gitsrc.Payload && len(u.request.Patches) == 0 && !u.tree.Dirty
		if unchanged && s.request.BasePolicy != PolicyCI && component.Commit == u.component.Commit &&
			component.Source == u.component.Source &&
			s.offer(ctx, b, fromPayload, component.Image, "the payload has it, built from the same commit") {
			b.taken = name
			return true, nil
		}
	}
	other, err := s.pipelineUnit(ctx, u, b.Sibling)
	if err != nil {
		b.attempts = append(b.attempts, attempt{from: fromBuild, err: err})
		return false, nil
	}
	b.built, b.from, b.why = other, fromBuild, b.Sibling+" of the same config is built first"
	return true, nil
}

// promotedAs returns the component as which the payload has an image of a unit's config.
func (p *planner) promotedAs(u *unit, tag string) (string, bool) {
	for _, promoted := range u.match.Config.Promotes("") {
		if promoted.Image != tag {
			continue
		}
		if name, ok := p.stream.Holds(promoted.To); ok && p.components[name].Image != "" {
			return name, true
		}
	}
	return "", false
}

// sameRun takes the image that the same run makes of a component.
func (s *settler) sameRun(u *unit, b *base, name string) bool {
	if s.request.All {
		return false // nothing is built
	}
	for _, other := range s.units {
		if other.target.Name == name && other != u {
			if other.swapped != "" {
				b.chosen, b.from, b.why = other.swapped, fromBuild, name+" is replaced by this image in the same run"
				return true
			}
			b.built, b.from, b.why = other, fromBuild, name+" is built in the same run"
			return true
		}
	}
	return false
}

// tryPayload takes what the payload has: floating tags of the stream have moved on since it was made.
func (s *settler) tryPayload(ctx context.Context, u *unit, b *base) (bool, error) {
	tag, ok := s.stream.Holds(b.Image)
	if !ok || b.Image.IsZero() || tag == u.target.Name || s.components[tag].Image == "" {
		return false, nil
	}
	if s.sameRun(u, b, tag) {
		return true, nil
	}
	b.taken = tag
	return s.offer(ctx, b, fromPayload, s.components[tag].Image,
		"the payload has what "+b.Image.String()+" was when it was made"), nil
}

// takePayload takes the payload's image of a name that somebody stated. It must be there.
func (s *settler) takePayload(ctx context.Context, u *unit, b *base, name, from, why string) (bool, error) {
	if s.sameRun(u, b, name) {
		return true, nil
	}
	component, err := s.Release.Component(name)
	if err != nil {
		return false, err
	}
	if !s.offer(ctx, b, from, component.Image, why) {
		return false, b.attempts[len(b.attempts)-1].err
	}
	b.taken = name
	return true, nil
}

// tryConfig takes what the config or the Dockerfile says. Images of CI have a name in two registries.
func (s *settler) tryConfig(ctx context.Context, u *unit, b *base) (bool, error) {
	switch {
	case b.Sibling != "":
		return false, nil
	case b.Refused != nil:
		return false, b.Refused
	case b.Image.IsZero() && b.Pullspec == "":
		err := fmt.Errorf("the config leaves it to %s in the source, which was not read", ciconfig.BuildRootFile)
		b.attempts = append(b.attempts, attempt{from: fromConfig, err: err})
		return false, nil
	case b.Image.IsZero():
		pullSpec := strings.TrimPrefix(b.Pullspec, "docker://")
		if _, err := registry.ParsePullSpec(pullSpec); err != nil {
			return false, fault.New(fault.Unresolved, "",
				fmt.Errorf("a Dockerfile and a config may name images in registries only: %w", err))
		}
		return s.offer(ctx, b, fromConfig, pullSpec, b.Reason), nil
	}
	i := b.Image
	if s.offer(ctx, b, fromConfig, i.Pullspec(), b.Reason) {
		return true, nil
	}
	return s.offer(ctx, b, fromConfig, quayProxy+i.Namespace+"_"+i.Name+"_"+i.Tag, b.Reason), nil
}

// tryOverlay builds a component on top of its own image in the payload: that has what the base has, and more.
func (s *settler) tryOverlay(ctx context.Context, u *unit, b *base) (bool, error) {
	if !b.Final || !u.replaces() || u.os != nil || u.component.Image == "" {
		return false, nil
	}
	why := "the payload's own image of " + u.target.Name +
		" holds all of its base; files that the new build does not write stay as they are"
	return s.offer(ctx, b, fromOverlay, u.component.Image, why), nil
}

// trySource builds the base first, from the config that promotes it.
func (s *settler) trySource(ctx context.Context, u *unit, b *base) (bool, error) {
	if b.Image.IsZero() {
		return false, nil
	}
	other, err := s.sourceUnit(ctx, b.Image)
	if err != nil {
		b.attempts = append(b.attempts, attempt{from: "source", err: err})
		return false, nil
	}
	b.built, b.from = other, fromBuild
	b.why = fmt.Sprintf("built first from %s at %s: %s promotes it", other.tree.Repository,
		other.tree.Ref, other.match.Path)
	return true, nil
}

// tryPublic takes an image that everybody can pull: the one that CI mirrors under this name, else a stand-in.
func (s *settler) tryPublic(ctx context.Context, u *unit, b *base) (bool, error) {
	for _, choice := range s.mirrored(ctx).All(names(b)...) {
		if s.offer(ctx, b, fromPublic, choice.Pullspec, choice.Rule.Note) {
			return true, nil
		}
	}
	for _, choice := range s.standIns.All(names(b)...) {
		if s.offer(ctx, b, fromPublic, choice.Pullspec, "stand-in: "+choice.Rule.Note) {
			return true, nil
		}
	}
	return false, nil
}

// mirrors is a source of configs that knows which public images CI mirrors.
type mirrors interface {
	Mirrored(ctx context.Context) (bases.Rules, error)
}

// mirrored returns what CI mirrors. It is asked for once, and not before everything better has failed; where nobody can
// say, it is nothing.
func (s *settler) mirrored(ctx context.Context) bases.Rules {
	s.mirrorsOnce.Do(func() {
		if known, ok := s.Configs.(mirrors); ok {
			rules, err := known.Mirrored(ctx)
			if err != nil {
				s.Report.Report("", progress.Resolve, progress.Warned, "which public images CI mirrors: %v", err)
			}
			s.mirrorRules = rules
		}
	})
	return s.mirrorRules
}
