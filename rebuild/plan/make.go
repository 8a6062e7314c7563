package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/bases"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/builddata"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/osimage"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// Configs finds the ci-operator config that promotes a component.
type Configs interface {
	Find(ctx context.Context, query ciconfig.Query) (ciconfig.Match, error)
}

// BuildData know how a release's images are built outside CI.
type BuildData interface {
	Component(tag string) (builddata.Image, error)
}

// Inputs are what a plan is made from.
type Inputs struct {
	Release   *payload.Release
	Rules     bases.Rules      // what the user wants in place of which base, as Request.BaseRules returns it
	Registry  *registry.Client // where bases are looked up
	Sources   *source.Keeper
	Configs   Configs   // nil = there are none
	BuildData BuildData // a second opinion on how components are built; nil = none
	Secrets   []string  // that builds are given, id=…,src=…: a plan names those that are missing
	Report    *progress.Reporter

	// NeedsFiles says of a source whether its build will most likely take place: then it is checked out at once, which
	// spares reading the Dockerfile from a server; nil = nothing is built.
	NeedsFiles func(gitsrc.Request) bool
	// Lenient makes a plan of what cannot be built too: it says why.
	Lenient bool
}

// planner makes one plan.
type planner struct {
	Inputs
	request    Request
	components map[string]payload.Component // all of the release
	stream     ciconfig.Stream
	added      map[string]bool // by name, what --with-dependents added to the request
	// the components named, in the order of the request; all of them for a plan of the whole payload
	units   []*unit
	helpers []*unit // images that are built first and only used, in the order in which they can be built
}

// Make settles a request that is valid: every component, source, recipe and base.
func Make(ctx context.Context, inputs Inputs, request Request) (*Plan, error) {
	p := &planner{Inputs: inputs, request: request, components: map[string]payload.Component{}}
	components := p.Release.Components()
	for _, component := range components {
		p.components[component.Name] = component
	}
	stream, err := p.Release.Stream()
	if err != nil && needsStream(request) {
		return nil, err
	}
	p.stream = ciconfig.Stream(stream)
	p.Report.Report("", progress.Resolve, progress.Done, "%s: %d components, stream %s", p.Release.Name,
		len(components), p.stream)
	if request.All {
		p.request.Targets = nil
		for _, component := range components {
			p.request.Targets = append(p.request.Targets, Target{Name: component.Name})
		}
	}
	if request.Dependents {
		if err := p.addDependents(ctx); err != nil {
			return nil, err
		}
	}
	if err := p.settleUnits(ctx); err != nil {
		return nil, err
	}
	if err := p.settleBases(ctx); err != nil {
		return nil, err
	}
	units := slices.Concat(p.helpers, p.units)
	for _, u := range units {
		if err := p.label(ctx, u); err != nil {
			return nil, fmt.Errorf("%s %q: %w", u.noun(), u.target.Name, err)
		}
	}
	order, err := sortUnits(units)
	if err != nil {
		return nil, err
	}
	return p.describe(order)
}

// configTime is when the configs were written; zero where nobody knows.
func (p *planner) configTime() time.Time {
	if dated, ok := p.Configs.(interface{ Time() time.Time }); ok {
		return dated.Time()
	}
	return time.Time{}
}

// needsStream reports whether a config must be found for one of the targets.
func needsStream(request Request) bool {
	for _, target := range request.Targets {
		if target.Image == "" && target.Config == "" && target.Dockerfile == "" && target.OS.IsZero() {
			return true
		}
	}
	return request.All
}

// settleUnits finds source and recipe of every component of a request. All names are checked before anything else is
// done.
func (p *planner) settleUnits(ctx context.Context) error {
	targets, err := osTargets(p.request.Targets, p.Release)
	if err != nil {
		return err
	}
	for _, target := range targets {
		u, err := p.identify(target)
		if err != nil && (u == nil || !p.request.All) {
			return err
		}
		u.problem = err
		p.units = append(p.units, u)
	}
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(32)
	for _, u := range p.units {
		if u.problem != nil {
			continue
		}
		group.Go(func() error {
			err := p.settle(groupContext, u)
			switch {
			case err == nil || ctx.Err() != nil:
				return err
			case p.Lenient:
				u.problem = err
				return nil
			case p.leaveOut(u, err):
				return nil
			}
			return err
		})
	}
	err = group.Wait()
	p.units = slices.DeleteFunc(p.units, func(u *unit) bool { return u.leftOut })
	return err
}

// identify finds a target in the payload.
func (p *planner) identify(target Target) (*unit, error) {
	component, ok := p.components[target.Name]
	if !ok {
		_, err := p.Release.Component(target.Name) // says which names are close
		return nil, err
	}
	u := &unit{kind: kindComponent, target: target, component: component, repository: p.request.Repository()}
	var err error
	if u.spec, err = gitsrc.Parse(target.Source); err != nil {
		return u, fmt.Errorf("component %q: %w", target.Name, err)
	}
	if target.Image == "" && target.OS.IsZero() && component.Source == "" && u.spec.Kind != gitsrc.Fork &&
		u.spec.Kind != gitsrc.Local {
		return u, noSource(component)
	}
	return u, nil
}

// noSource is the error for an image of which the payload does not say what it was built from: operating system images.
func noSource(component payload.Component) error {
	advice := fmt.Sprintf("Pass its source, %s=URL or %s=./DIR, or an image that exists already, --image %s=PULLSPEC.",
		component.Name, component.Name, component.Name)
	if osimage.IsName(component.Name) {
		advice = "Change the payload's own image with --overlay DIR, --replace-file PATH=FILE, --rpm FILE, --containerfile FILE or --extensions-rpm FILE: " +
			osimage.Guide + " says which when.\n" + advice
	}
	if component.Problem != "" {
		return fault.New(fault.Unresolved, advice,
			fmt.Errorf("the payload's source of component %q is not usable: %s", component.Name, component.Problem))
	}
	return fault.New(fault.Unresolved, advice,
		fmt.Errorf("the payload records no source for component %q", component.Name))
}

// settle finds the source and the recipe of a component.
func (p *planner) settle(ctx context.Context, u *unit) error {
	var err error
	switch {
	case u.target.Image != "":
		u.swapped, err = p.Registry.Resolve(ctx, u.target.Image)
		if err == nil {
			err = p.checkSwapped(ctx, u.swapped)
		}
	case !u.target.OS.IsZero():
		err = p.settleOS(ctx, u)
	default:
		err = p.settleSource(ctx, u)
	}
	if err != nil {
		return fmt.Errorf("component %q: %w", u.target.Name, err)
	}
	return nil
}

// checkSwapped refuses an image that takes a component's place and does not run where the payload does.
func (p *planner) checkSwapped(ctx context.Context, pullSpec string) error {
	image, err := p.Registry.Image(ctx, pullSpec)
	want := p.Registry.Platform()
	advice := fmt.Sprintf("Name one for %s, or a manifest list that has one.", want)
	if errors.Is(err, registry.ErrNoPlatform) {
		return fault.New(fault.KindOf(err), advice, err)
	}
	if err != nil {
		return err
	}
	if have := image.Config.Platform; have.Architecture != "" && !want.Matches(have) {
		return fault.New(fault.Unresolved, advice, fmt.Errorf("the image %q is for %s", pullSpec, have))
	}
	return nil
}

// settleSource finds the config of a component that is built from source, and with it the source.
func (p *planner) settleSource(ctx context.Context, u *unit) error {
	stop := p.Report.Start(u.target.Name, progress.Resolve)
	err := p.findConfig(ctx, u)
	stop()
	if err != nil {
		return err
	}
	return p.obtain(ctx, u)
}

// branch is the branch that CI would have checked out: the one that is built, if CI has a config for it; the one in the
// payload; the config's.
func (u *unit) branch() string {
	if u.match.OfBranch {
		return u.spec.Branch()
	}
	if u.component.Ref != "" {
		return u.component.Ref
	}
	return u.match.Branch
}
