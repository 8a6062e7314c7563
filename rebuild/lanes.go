package rebuild

import (
	"context"
	"fmt"
	"maps"
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
	return l[0].locked(ctx, func() (*Result, error) {
		var lanes []*lane
		for _, job := range l {
			release, planned, err := job.planBuild(ctx, request)
			if err != nil {
				return nil, job.wrap(err)
			}
			lanes = append(lanes, &lane{job, release, planned, nil})
		}
		return carryOutLanes(ctx, lanes, request)
	})
}

// Plan is Job.Plan for all lanes.
func (l Lanes) Plan(ctx context.Context, request plan.Request) ([]*plan.Plan, error) {
	var plans []*plan.Plan
	for _, job := range l {
		planned, err := job.Plan(ctx, request)
		if err != nil {
			return nil, job.wrap(err)
		}
		plans = append(plans, planned)
	}
	return plans, nil
}

// RunAll is Job.RunAll for all lanes. What cannot be planned in one of them is left as it was in all.
func (l Lanes) RunAll(ctx context.Context, request plan.Request, selection Selection) (*Result, error) {
	if len(l) == 1 {
		return l[0].RunAll(ctx, request, selection)
	}
	return l[0].locked(ctx, func() (*Result, error) {
		planned, request, problems, err := l.planAll(ctx, request, selection,
			func(j *Job) plan.Inputs { return plan.Inputs{Lenient: true, NeedsFiles: j.needsFiles} })
		if planned == nil {
			return nil, err
		}
		for _, one := range planned {
			one.warn(one.planned)
		}
		result, failed := carryOutLanes(ctx, planned, request)
		return withProblems(result, problems, err, failed)
	})
}

// PlanAll is Job.PlanAll for all lanes.
func (l Lanes) PlanAll(ctx context.Context, request plan.Request, selection Selection) (planned []*plan.Plan,
	problems map[string]string, err error) {
	if len(l) == 1 {
		one, problems, err := l[0].PlanAll(ctx, request, selection)
		return []*plan.Plan{one}, problems, err
	}
	lanes, _, problems, err := l.planAll(ctx, request, selection,
		func(*Job) plan.Inputs { return plan.Inputs{Lenient: true} })
	for _, one := range lanes {
		planned = append(planned, one.planned)
	}
	return planned, problems, err
}

// planAll plans in all lanes, again without the components that one of them cannot plan until all plan the same.
func (l Lanes) planAll(ctx context.Context, request plan.Request, selection Selection,
	inputs func(*Job) plan.Inputs) ([]*lane, plan.Request, map[string]string, error) {
	problems := map[string]string{}
	var failures []error
	releases := make([]*payload.Release, len(l))
	given := make([]plan.Inputs, len(l))
	for i, job := range l {
		given[i] = inputs(job)
		var err error
		if i == 0 {
			releases[i], request, err = job.openAll(ctx, request, selection, &given[i])
		} else if err = job.check(request, &given[i]); err == nil {
			releases[i], err = job.open(ctx, request.Release)
		}
		if err != nil {
			return nil, request, nil, err
		}
	}
	for {
		var lanes []*lane
		before := len(request.Targets)
		for i, job := range l {
			planned, why, err := job.planRounds(ctx, releases[i], &request, given[i])
			if err != nil {
				failures = append(failures, job.wrap(err))
			}
			if planned == nil {
				return nil, request, nil, fault.Join(failures...)
			}
			maps.Copy(problems, why)
			lanes = append(lanes, &lane{job, releases[i], planned, nil})
		}
		if len(request.Targets) == before {
			return lanes, request, problems, fault.Join(failures...)
		}
	}
}

// carryOutLanes builds what the plans of lanes say, puts the images together, and assembles the payload. With KeepGoing
// a component that one lane cannot build is left as it was in all.
func carryOutLanes(ctx context.Context, lanes []*lane, request plan.Request) (*Result, error) {
	first := lanes[0]
	order := slices.Clone(lanes) // what this machine may not be able to run comes first
	slices.SortStableFunc(order, func(a, b *lane) int { return a.isNative() - b.isNative() })
	var failures []error
	for _, one := range order {
		var err error
		if one.made, err = one.makeAll(ctx, one.planned.InOrder(), nil); err == nil {
			continue
		}
		err = one.wrap(err)
		if failures = append(failures, err); !first.options.KeepGoing || ctx.Err() != nil {
			return nil, err
		}
	}
	failed := fault.Join(failures...)
	rest := *first.planned
	images, left := map[string][]image.Need{}, []string(nil)
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
		delete(images, c.Name)
		left = append(left, c.Name)
		return true
	})
	if len(rest.Components) == 0 {
		return nil, failed
	}
	if len(images) == 0 { // all that is new is swapped in
		for _, one := range lanes {
			first.platforms = append(first.platforms, one.Platform())
		}
	}
	result, err := first.assembleLists(ctx, first.release, request, &rest, images)
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
func (j *Job) Platform() registry.Platform {
	os, arch, variant := j.options.Reading.Platform()
	return registry.Platform{OS: os, Architecture: arch, Variant: variant}
}

// assembleLists makes the payload of components that have an image for each platform, and pushes it.
func (j *Job) assembleLists(ctx context.Context, release *payload.Release, request plan.Request, planned *plan.Plan,
	images map[string][]image.Need) (*Result, error) {
	made := map[string]image.Need{}
	for _, name := range slices.Sorted(maps.Keys(images)) {
		list, platforms, err := j.images.List(ctx, images[name])
		if err != nil {
			return nil, fmt.Errorf("component %q: %w", name, err)
		}
		slices.SortFunc(platforms,
			func(a, b registry.Platform) int { return strings.Compare(a.String(), b.String()) })
		if j.platforms == nil {
			j.platforms = platforms
		}
		if !slices.Equal(j.platforms, platforms) {
			return nil, fault.Errorf(fault.Usage, "component %q has images for %s, and others for %s", name, platforms,
				j.platforms)
		}
		made[name] = list
	}
	for _, component := range planned.Components {
		if !component.IsSwapped() {
			continue
		}
		swapped, err := j.options.Reading.Image(ctx, component.Target)
		if err == nil && swapped.ListDigest == "" {
			err = fault.Errorf(fault.Unresolved, "it is one image, for %s, and no manifest list",
				swapped.Config.Platform)
		}
		if err == nil {
			_, err = swapped.Instances(j.platforms)
		}
		if err != nil {
			return nil, fmt.Errorf("component %q: %s: %w", component.Name, component.Target, err)
		}
	}
	return j.assemble(ctx, release, request, planned, made)
}
