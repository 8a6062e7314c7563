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
		given, err := j.given(ctx, pinned, images)
		if err != nil {
			return nil, err
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

// given looks up images of a plan that were built elsewhere.
func (j *Job) given(ctx context.Context, planned *plan.Plan, images map[string]string) (map[string]image.Need, error) {
	found := map[string]image.Need{}
	for _, name := range slices.Sorted(maps.Keys(images)) {
		component, err := built(planned, name)
		if err != nil {
			return nil, err
		}
		if _, sum := registry.SplitDigest(images[name]); sum == "" {
			return nil, fault.Errorf(fault.Usage, "%s=%s: want a pull spec by digest, as the build of it printed",
				name, images[name])
		}
		need, err := j.images.Given(ctx, component, images[name])
		if err != nil {
			return nil, err
		}
		found[name] = need
	}
	return found, nil
}

// Assemble makes and pushes the payload of a plan of images that were built elsewhere, all of them: pull specs by
// digest, or plan.Left, by the names of the components. What is left stays as it was, and is in the result.
func (j *Job) Assemble(ctx context.Context, planned *plan.Plan, request plan.Request,
	images map[string]string) (*Result, error) {
	request.Release = planned.Release.PullSpec
	return j.locked(ctx, func() (*Result, error) {
		release, err := j.openPlanned(ctx, planned, request)
		if err != nil {
			return nil, err
		}
		pinned := planned.Pinned(request.Repository())
		var left []string
		images := maps.Clone(images)
		pinned.Components = slices.DeleteFunc(pinned.Components, func(c plan.Component) bool {
			if images[c.Name] != plan.Left {
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
			if !component.IsSwapped() && images[component.Name] == "" {
				return nil, fault.New(fault.Usage, fmt.Sprintf("Pass it: %s=PULLSPEC.", component.Name),
					fmt.Errorf("no image is given for %q, which the plan builds", component.Name))
			}
		}
		made, err := j.given(ctx, pinned, images)
		if err != nil {
			return nil, err
		}
		result, err := j.assemble(ctx, release, request, pinned, made)
		if err != nil {
			return nil, err
		}
		result.Left = left
		return result, nil
	})
}
