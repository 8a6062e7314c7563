package rebuild

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// Lanes are the jobs of one run, each for a platform of its own. Where there are several the payload is a manifest
// list: of each component that is rebuilt it names a list of the images that the lanes made. The first lane makes it.
type Lanes []*Job

// lane is what became of the plan of a lane.
type lane struct {
	*Job
	release *payload.Release
	planned *plan.Plan
	made    map[string]image.Need
}

// Run is Job.Run for all lanes.
func (l Lanes) Run(ctx context.Context, request plan.Request) (*Result, error) {
	if len(l) == 1 {
		return l[0].Run(ctx, request)
	}
	return l.locked(ctx, func() (*Result, error) {
		lanes, err := l.plan(ctx, request, func(j *Job) plan.Inputs { return plan.Inputs{NeedsFiles: j.needsFiles} })
		if err != nil {
			return nil, err
		}
		l[0].warn(plans(lanes)...)
		return carryOutLanes(ctx, lanes, request)
	})
}

// Plan is Job.Plan for all lanes.
func (l Lanes) Plan(ctx context.Context, request plan.Request) ([]*plan.Plan, error) {
	if len(l) == 1 {
		planned, err := l[0].Plan(ctx, request)
		return []*plan.Plan{planned}, err
	}
	lanes, err := l.plan(ctx, request, func(*Job) plan.Inputs { return plan.Inputs{Lenient: true} })
	return plans(lanes), err
}

// RunAll is Job.RunAll for all lanes. What cannot be planned in one of them is left as it was in all.
func (l Lanes) RunAll(ctx context.Context, request plan.Request, selection Selection) (*Result, error) {
	if len(l) == 1 {
		return l[0].RunAll(ctx, request, selection)
	}
	return l.locked(ctx, func() (*Result, error) {
		lanes, request, problems, err := l.planAll(ctx, request, selection,
			func(j *Job) plan.Inputs { return plan.Inputs{Lenient: true, NeedsFiles: j.needsFiles} })
		if lanes == nil {
			return nil, err
		}
		l[0].warn(plans(lanes)...)
		result, failed := carryOutLanes(ctx, lanes, request)
		return withProblems(result, problems, err, failed)
	})
}

// PlanAll is Job.PlanAll for all lanes.
func (l Lanes) PlanAll(ctx context.Context, request plan.Request, selection Selection) ([]*plan.Plan,
	map[string]string, error) {
	if len(l) == 1 {
		planned, problems, err := l[0].PlanAll(ctx, request, selection)
		return []*plan.Plan{planned}, problems, err
	}
	lanes, _, problems, err := l.planAll(ctx, request, selection,
		func(*Job) plan.Inputs { return plan.Inputs{Lenient: true} })
	return plans(lanes), problems, err
}

// Assemble is Job.Assemble for all lanes: of each component there is an image for each platform. The plan is that of
// the first lane.
func (l Lanes) Assemble(ctx context.Context, planned *plan.Plan, request plan.Request,
	images map[string][]string) (*Result, error) {
	if len(l) == 1 {
		single := map[string]string{}
		for name, all := range images {
			if len(all) > 1 {
				return nil, fault.New(fault.Usage, "Name the platforms of the images with --platform.",
					fmt.Errorf("component %q is given twice", name))
			}
			single[name] = all[0]
		}
		return l[0].Assemble(ctx, planned, request, single)
	}
	return l.locked(ctx, func() (*Result, error) {
		request.Release = planned.Release.PullSpec
		pinned := planned.Pinned(request.Repository())
		var lanes []*lane
		for _, job := range l {
			release, err := job.openPlanned(ctx, planned, request)
			if err != nil {
				return nil, job.wrap(err)
			}
			lanes = append(lanes, &lane{job, release, pinned, nil})
		}
		if err := agree(ctx, lanes); err != nil {
			return nil, err
		}
		return l[0].parts(pinned, images, func(rest *plan.Plan) (*Result, error) {
			made := map[string][]image.Need{}
			for _, component := range rest.Components {
				for _, pullSpec := range images[component.Name] {
					need, err := l[0].given(ctx, rest, component.Name, pullSpec)
					if err != nil {
						return nil, err
					}
					made[component.Name] = append(made[component.Name], need)
				}
			}
			return assembleLists(ctx, lanes, request, rest, made)
		})
	})
}

// locked is Job.locked, and keeps caches from growing with what all lanes compiled.
func (l Lanes) locked(ctx context.Context, do func() (*Result, error)) (*Result, error) {
	result, err := l[0].locked(ctx, do)
	for _, job := range l[1:] {
		err = errors.Join(err, job.images.Trim())
	}
	return result, err
}

// plan plans in all lanes.
func (l Lanes) plan(ctx context.Context, request plan.Request, inputs func(*Job) plan.Inputs) ([]*lane, error) {
	var lanes []*lane
	for _, job := range l {
		release, planned, err := job.plan(ctx, request, inputs(job))
		if err == nil {
			err = planned.Err()
		}
		if err != nil {
			return nil, job.wrap(err)
		}
		lanes = append(lanes, &lane{job, release, planned, nil})
	}
	return lanes, agree(ctx, lanes)
}

// planAll plans in all lanes, again without the components that one of them cannot plan until all plan the same.
func (l Lanes) planAll(ctx context.Context, request plan.Request, selection Selection,
	inputs func(*Job) plan.Inputs) ([]*lane, plan.Request, map[string]string, error) {
	problems := map[string]string{}
	var failures []error
	lanes, given := make([]*lane, len(l)), make([]plan.Inputs, len(l))
	for i, job := range l {
		lanes[i], given[i] = &lane{Job: job}, inputs(job)
		var err error
		if i == 0 {
			lanes[i].release, request, err = job.openAll(ctx, request, selection, &given[i])
		} else if err = job.check(request, &given[i]); err == nil {
			lanes[i].release, err = job.open(ctx, request.Release)
		}
		if err != nil {
			return nil, request, nil, job.wrap(err)
		}
	}
	for {
		before := len(request.Targets)
		for i, one := range lanes {
			planned, why, err := one.planRounds(ctx, one.release, &request, given[i])
			if err != nil {
				failures = append(failures, one.wrap(err))
			}
			if planned == nil {
				return nil, request, nil, fault.Join(failures...)
			}
			maps.Copy(problems, why)
			one.planned = planned
		}
		if len(request.Targets) == before {
			break
		}
	}
	if err := agree(ctx, lanes); err != nil {
		return nil, request, nil, err
	}
	return lanes, request, problems, fault.Join(failures...)
}

func plans(lanes []*lane) []*plan.Plan {
	var all []*plan.Plan
	for _, one := range lanes {
		all = append(all, one.planned)
	}
	return all
}

// agree refuses lanes whose images do not belong together: a branch or a tag may have moved, or a working tree been
// edited, while they were planned one after the other, and a list of payloads may have been made of any.
func agree(ctx context.Context, lanes []*lane) error {
	first := lanes[0]
	for _, one := range lanes[1:] {
		if one.release.ListDigest != first.release.ListDigest {
			return differ("%s was %s and is %s", first.release.Reference, first.release.ListDigest, one.release.ListDigest)
		}
		if !reflect.DeepEqual(one.release.References.Spec, first.release.References.Spec) {
			return fault.New(fault.Unresolved, "Rebuild for one platform after the other.",
				fmt.Errorf("the payloads for %s and %s in the list %s do not name the same images", first.Platform(),
					one.Platform(), first.release.Reference))
		}
		if len(one.planned.Components) != len(first.planned.Components) { // of dependents, say
			return differ("%d components for %s and %d for %s", len(first.planned.Components), first.Platform(),
				len(one.planned.Components), one.Platform())
		}
		for _, component := range first.planned.Components {
			at := slices.IndexFunc(one.planned.Components, func(c plan.Component) bool { return c.Name == component.Name })
			if at < 0 {
				return differ("%q is planned for %s alone", component.Name, first.Platform())
			}
			switch other := one.planned.Components[at]; {
			case other.Source.Commit != component.Source.Commit || other.Source.Digest != component.Source.Digest:
				return differ("the source of %q changed", component.Name)
			case component.IsSwapped() && other.Target != component.Target:
				return differ("the image for %q was %s and is %s", component.Name, component.Target, other.Target)
			}
		}
	}
	first.sayLeftOut(first.release, platforms(lanes))
	for _, component := range first.planned.Components {
		if !component.IsSwapped() {
			continue
		}
		swapped, err := first.options.Reading.Image(ctx, component.Target)
		if err == nil && swapped.ListDigest == "" { // a plan for one of the platforms takes it
			err = fault.Errorf(fault.Unresolved, "it is one image, for %s, and no manifest list",
				swapped.Config.Platform)
		}
		if err == nil {
			_, err = swapped.Instances(platforms(lanes))
		}
		if err != nil {
			return fmt.Errorf("component %q: %s: %w", component.Name, component.Target, err)
		}
	}
	return nil
}

func differ(format string, args ...any) error {
	return fault.New(fault.Unresolved, "Run it again.",
		fmt.Errorf("plans for several platforms differ: "+format, args...))
}

// carryOutLanes builds what the plans of lanes say, puts the images together, and assembles the payload. With KeepGoing
// a component that one lane cannot build is left as it was in all.
func carryOutLanes(ctx context.Context, lanes []*lane, request plan.Request) (*Result, error) {
	first := lanes[0]
	order := slices.Clone(lanes) // what this machine may not be able to run comes first
	slices.SortStableFunc(order, func(a, b *lane) int { return a.isNative() - b.isNative() })
	var failures []error
	var lost []string
	for _, one := range order {
		pending := one.without(lost)
		var err error
		if one.made, err = one.makeAll(ctx, pending, nil); err == nil {
			continue
		}
		err = one.wrap(err)
		if failures = append(failures, err); !first.options.KeepGoing || ctx.Err() != nil {
			return nil, err
		}
		for _, component := range pending {
			if _, ok := one.made[component.Name]; !ok && component.Replaces() {
				lost = append(lost, component.Name)
			}
		}
	}
	failed := fault.Join(failures...)
	rest, images, left := *first.planned, map[string][]image.Need{}, []string(nil)
	rest.Components = slices.DeleteFunc(slices.Clone(rest.Components), func(c plan.Component) bool {
		if c.IsSwapped() {
			return false
		}
		for _, one := range lanes {
			if need, ok := one.made[c.Name]; ok {
				images[c.Name] = append(images[c.Name], need)
			}
		}
		if len(images[c.Name]) == len(lanes) {
			return false
		}
		left = append(left, c.Name)
		return true
	})
	if len(rest.Components) == 0 {
		return nil, failed
	}
	result, err := assembleLists(ctx, lanes, request, &rest, images)
	if err != nil {
		return nil, fault.Join(failed, err)
	}
	result.Left, result.Components = left, nil
	for _, one := range lanes {
		only := *one.planned
		only.Components = slices.DeleteFunc(slices.Clone(only.Components),
			func(c plan.Component) bool { return slices.Contains(left, c.Name) })
		for _, component := range one.components(&only, one.made) {
			component.Platform = one.Platform().String()
			result.Components = append(result.Components, component)
		}
	}
	return result, failed
}

// without lists what a lane builds, but for components that are left as they were, what is built on them, and what is
// built for these alone.
func (l *lane) without(lost []string) []plan.Component {
	all := l.planned.InOrder()
	if len(lost) == 0 {
		return all
	}
	var wanted []string
	for _, component := range all {
		components, images := l.planned.Needs(component.Name)
		if component.Replaces() && !slices.Contains(lost, component.Name) &&
			!slices.ContainsFunc(components, func(need string) bool { return slices.Contains(lost, need) }) {
			wanted = append(append(wanted, component.Name), images...)
		} else if component.Replaces() {
			lost = append(lost, component.Name)
		}
	}
	return slices.DeleteFunc(all, func(c plan.Component) bool { return !slices.Contains(wanted, c.Name) })
}

// isNative returns 1 for the platform of this machine, and else 0.
func (l *lane) isNative() int {
	if l.Platform().Architecture == runtime.GOARCH {
		return 1
	}
	return 0
}

// wrap says of an error for which of several platforms something went wrong.
func (j *Job) wrap(err error) error {
	if !j.options.Lane {
		return err
	}
	return fmt.Errorf("for %s: %w", j.Platform(), err)
}

// Platform is what the job builds for.
func (j *Job) Platform() registry.Platform { return j.options.Reading.Platform().Normal() }

// platforms are those of lanes, in the order in which lists have them.
func platforms(lanes []*lane) []registry.Platform {
	var all []registry.Platform
	for _, one := range lanes {
		all = append(all, one.Platform())
	}
	slices.SortFunc(all, func(a, b registry.Platform) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// assembleLists makes the payload of components that have an image for each platform, and pushes it.
func assembleLists(ctx context.Context, lanes []*lane, request plan.Request, planned *plan.Plan,
	images map[string][]image.Need) (*Result, error) {
	first, made, wanted := lanes[0], map[string]image.Need{}, platforms(lanes)
	for _, component := range planned.Components {
		if component.IsSwapped() {
			continue
		}
		list, err := first.images.List(ctx, wanted, images[component.Name])
		if err != nil {
			return nil, fmt.Errorf("component %q: %w", component.Name, err)
		}
		made[component.Name] = list
	}
	return first.assemble(ctx, first.release, request, planned, made, wanted)
}
