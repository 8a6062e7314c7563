package rebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/osimage"
)

// plan settles a request: every component, source, recipe and base. With checkout the sources are put into place to be
// built; else only what a plan shows is read of them.
func (j *Job) plan(ctx context.Context, request Request, checkout bool) (*work, error) {
	if err := errors.Join(request.validate(), j.Options.validate()); err != nil {
		return nil, err
	}
	rules, err := request.baseRules()
	if err != nil {
		return nil, err
	}
	defer j.clock.start("", StageResolve)()
	j.report("", StageResolve, Started, "reading %s", request.Release)
	release, err := payload.Open(ctx, j.Reading, request.Release)
	if err != nil {
		return nil, err
	}
	if err := j.checkPlatform(release); err != nil {
		return nil, err
	}
	if j.Trust != nil {
		if err := j.Trust(ctx, release); err != nil {
			return nil, err
		}
	}
	w := &work{
		checkout:   checkout,
		request:    request,
		rules:      rules,
		release:    release,
		components: map[string]payload.Component{},
		secrets:    j.Secrets,
	}
	for _, warning := range release.Warnings {
		j.report("", StageResolve, Warned, "%s", warning)
	}
	components := release.Components()
	for _, component := range components {
		w.components[component.Name] = component
	}
	stream, err := release.Stream()
	if err != nil && needsStream(request) {
		return nil, err
	}
	w.stream = ciconfig.Stream(stream)
	j.report("", StageResolve, Done, "%s: %d components, stream %s", release.Name, len(components), w.stream)
	if request.All {
		w.request.Targets = nil
		for _, component := range components {
			w.request.Targets = append(w.request.Targets, Target{Name: component.Name})
		}
	}
	if request.Dependents {
		if err := j.addDependents(ctx, w); err != nil {
			return nil, err
		}
	}
	if err := j.settleUnits(ctx, w); err != nil {
		return nil, err
	}
	if err := j.settleBases(ctx, w); err != nil {
		return nil, err
	}
	if dated, ok := j.Configs.(interface{ Time() time.Time }); ok {
		w.configTime = dated.Time()
	}
	units := slices.Concat(w.helpers, w.units)
	for _, u := range units {
		if u.begun, err = j.fileTime(); err != nil { // what is read of a working tree from here on must not change
			return nil, err
		}
		if u.labels, err = u.provenance(ctx); err != nil {
			return nil, fmt.Errorf("%s %q: %w", u.noun(), u.target.Name, err)
		}
	}
	if w.order, err = sortUnits(units); err != nil {
		return nil, err
	}
	return w, w.describe()
}

// checkPlatform refuses to put images for one platform into a payload for another, and says what becomes of a list of
// payloads.
func (j *Job) checkPlatform(release *payload.Release) error {
	os, arch, _ := j.Reading.Platform()
	have := release.Image.Config.Platform
	if have.Architecture != "" && (have.OS != os || have.Architecture != arch) {
		return fault.New(fault.Unresolved,
			fmt.Sprintf("Pass --platform %s/%s: builds then need a machine that runs its programs.", have.OS, have.Architecture),
			fmt.Errorf("the payload %q is for %s, and images would be built for %s/%s", release.Reference, have, os, arch))
	}
	if len(release.Image.List) > 1 {
		var all []string
		for _, instance := range release.Image.List {
			all = append(all, instance.Platform.String())
		}
		j.report("", StageResolve, Warned, "%s is a list of payloads for %s: the new payload is for %s alone",
			release.Reference, strings.Join(all, ", "), have)
	}
	return nil
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
func (j *Job) settleUnits(ctx context.Context, w *work) error {
	targets, err := osTargets(w.request.Targets, w.release)
	if err != nil {
		return err
	}
	for _, target := range targets {
		u, err := w.identify(target)
		if err != nil && (u == nil || !w.request.All) {
			return err
		}
		u.problem = err
		w.units = append(w.units, u)
	}
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(32)
	for _, u := range w.units {
		if u.problem != nil {
			continue
		}
		group.Go(func() error {
			err := j.settle(groupContext, w, u)
			if err != nil && !w.checkout && ctx.Err() == nil {
				u.problem, err = err, nil
			}
			if err != nil && ctx.Err() == nil && j.leaveOut(w, u, err) {
				err = nil
			}
			return err
		})
	}
	err = group.Wait()
	w.units = slices.DeleteFunc(w.units, func(u *unit) bool { return u.leftOut })
	return err
}

// identify finds a target in the payload.
func (w *work) identify(target Target) (*unit, error) {
	component, ok := w.components[target.Name]
	if !ok {
		_, err := w.release.Component(target.Name) // says which names are close
		return nil, err
	}
	u := &unit{kind: kindComponent, target: target, component: component, repository: w.request.repository()}
	var err error
	if u.spec, err = gitsrc.Parse(target.Source); err != nil {
		return u, fmt.Errorf("component %q: %w", target.Name, err)
	}
	if target.Image == "" && target.OS.IsZero() && component.Source == "" && u.spec.Kind != gitsrc.Fork && u.spec.Kind != gitsrc.Local {
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
	return fault.New(fault.Unresolved, advice, fmt.Errorf("the payload records no source for component %q", component.Name))
}

// repository is where component images go: the repository of the new payload unless another is named.
func (r Request) repository() string {
	if r.ToRepository != "" {
		return r.ToRepository
	}
	named, err := registry.ParsePullSpec(r.To)
	if err != nil {
		return ""
	}
	return named.Name()
}

// settle finds the source and the recipe of a component.
func (j *Job) settle(ctx context.Context, w *work, u *unit) error {
	name := u.target.Name
	if u.target.Image != "" {
		sum, err := j.Reading.Resolve(ctx, u.target.Image)
		if err != nil {
			return fmt.Errorf("component %q: %w", name, err)
		}
		u.swapped = sum
		return nil
	}
	if !u.target.OS.IsZero() {
		if err := j.settleOS(ctx, u); err != nil {
			return fmt.Errorf("component %q: %w", name, err)
		}
		return nil
	}
	stop := j.clock.start(name, StageResolve)
	err := j.findRecipe(ctx, w, u)
	stop()
	if err == nil && w.request.All {
		err = u.assume()
	} else if err == nil {
		err = j.obtain(ctx, u, w.checkout)
	}
	if err != nil {
		return fmt.Errorf("component %q: %w", name, err)
	}
	return nil
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
