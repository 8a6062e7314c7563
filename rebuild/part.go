package rebuild

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// A plan can be carried out in parts, on several machines: each component by itself, on the images of those that were
// built before, and then the payload. The result is that of Apply.

// Part builds and pushes one component of a plan, which plan.Read returned. images are the components of the plan that
// were built elsewhere, by name: it needs those that it is built on. The result has no payload.
func (j *Job) Part(ctx context.Context, planned *plan.Plan, name, repository string,
	images map[string]string) (*Result, error) {
	return j.locked(ctx, func() (*Result, error) {
		if err := errors.Join(plan.Request{Release: planned.Release.PullSpec, ToRepository: repository}.ValidateNames(),
			j.options.validate()); err != nil {
			return nil, err
		}
		if _, err := built(planned, name); err != nil {
			return nil, err
		}
		needs, first := planned.Needs(name)
		if missing := slices.DeleteFunc(slices.Clone(needs),
			func(need string) bool { return images[need] != "" }); len(missing) > 0 {
			return nil, fault.New(fault.Usage, fmt.Sprintf("Pass it: %s=PULLSPEC.", missing[0]),
				fmt.Errorf("%q is built on %q, which this plan builds as well", name, missing))
		}
		if at := slices.IndexFunc(needs, func(need string) bool { return images[need] == plan.Left }); at >= 0 {
			return nil, fault.New(fault.Build, "",
				fmt.Errorf("%q is built on %q, which could not be built", name, needs[at]))
		}
		isPending := func(one string) bool { return one == name || slices.Contains(first, one) }
		pinned, err := j.unpack(ctx, planned.Pinned(repository), isPending)
		if err != nil {
			return nil, err
		}
		given := map[string]image.Need{}
		for _, name := range slices.Sorted(maps.Keys(images)) {
			if given[name], err = j.given(ctx, pinned, name, images[name]); err != nil {
				return nil, err
			}
		}
		pending := slices.DeleteFunc(pinned.InOrder(), func(c plan.Component) bool { return !isPending(c.Name) })
		made, err := j.makeAll(ctx, pending, given)
		if err != nil {
			return nil, err
		}
		component, err := built(pinned, name)
		if err != nil {
			return nil, err
		}
		only := *pinned
		only.Components = []plan.Component{component}
		return &Result{Components: j.components(&only, made), Seconds: j.report.Seconds("")}, nil
	})
}

// built returns a component that a plan builds.
func built(planned *plan.Plan, name string) (plan.Component, error) {
	at := slices.IndexFunc(planned.Components, func(c plan.Component) bool { return c.Name == name && !c.IsSwapped() })
	if at < 0 {
		return plan.Component{}, fault.Errorf(fault.Usage, "the plan builds no component %q", name)
	}
	return planned.Components[at], nil
}

// given looks up the image of a component of a plan that was built elsewhere.
func (j *Job) given(ctx context.Context, planned *plan.Plan, name, pullSpec string) (image.Need, error) {
	component, err := built(planned, name)
	if err != nil {
		return image.Need{}, err
	}
	if _, sum := registry.SplitDigest(pullSpec); sum == "" {
		return image.Need{}, fault.Errorf(fault.Usage, "%s=%s: want a pull spec by digest, as the build of it printed",
			name, pullSpec)
	}
	return j.images.Given(ctx, component, pullSpec)
}

// Assemble makes and pushes the payload of a plan of images that were built elsewhere, all of them: pull specs by
// digest, or plan.Left, by the names of the components. What is left stays as it was, and is in the result. Where
// components have several images, each for another platform, the payload is a manifest list.
func (j *Job) Assemble(ctx context.Context, planned *plan.Plan, request plan.Request,
	images map[string][]string) (*Result, error) {
	request.Release = planned.Release.PullSpec
	lists := slices.ContainsFunc(slices.Collect(maps.Values(images)), func(all []string) bool { return len(all) > 1 })
	j.options.Lane = lists
	return j.locked(ctx, func() (*Result, error) {
		release, err := j.openPlanned(ctx, planned, request)
		if err != nil {
			return nil, err
		}
		pinned := planned.Pinned(request.Repository())
		var left []string
		images := maps.Clone(images)
		pinned.Components = slices.DeleteFunc(pinned.Components, func(c plan.Component) bool {
			if !slices.Contains(images[c.Name], plan.Left) {
				return false
			}
			left = append(left, c.Name)
			delete(images, c.Name)
			return true
		})
		if len(pinned.Components) == 0 {
			return nil, fault.New(fault.Build, "",
				errors.New("no component of the plan was built: there is nothing to make a payload of"))
		}
		for _, component := range pinned.Components {
			if !component.IsSwapped() && len(images[component.Name]) == 0 {
				return nil, fault.New(fault.Usage, fmt.Sprintf("Pass it: %s=PULLSPEC.", component.Name),
					fmt.Errorf("no image is given for %q, which the plan builds", component.Name))
			}
		}
		made := map[string][]image.Need{}
		for _, name := range slices.Sorted(maps.Keys(images)) {
			for _, pullSpec := range images[name] {
				need, err := j.given(ctx, pinned, name, pullSpec)
				if err != nil {
					return nil, err
				}
				made[name] = append(made[name], need)
			}
		}
		var result *Result
		if lists {
			result, err = j.assembleLists(ctx, release, request, pinned, made)
		} else {
			single := map[string]image.Need{}
			for name, needs := range made {
				single[name] = needs[0]
			}
			result, err = j.assemble(ctx, release, request, pinned, single)
		}
		if err != nil {
			return nil, err
		}
		result.Left = left
		return result, nil
	})
}
