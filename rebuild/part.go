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
	need, err := j.images.Given(ctx, component, pullSpec)
	if err == nil && !j.options.Lane { // lanes need one for each
		err = need.Image.CheckPlatform(j.Platform())
	}
	return need, err
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
		all := map[string][]string{}
		for name, pullSpec := range images {
			all[name] = []string{pullSpec}
		}
		return j.parts(planned.Pinned(request.Repository()), all, func(rest *plan.Plan) (*Result, error) {
			made := map[string]image.Need{}
			for _, component := range rest.Components {
				if component.IsSwapped() {
					continue
				}
				if made[component.Name], err = j.given(ctx, rest, component.Name, images[component.Name]); err != nil {
					return nil, err
				}
			}
			return j.assemble(ctx, release, request, rest, made, nil)
		})
	})
}

// parts does with a plan, without the components that are left as they were, what assemble does. images are those that
// were built elsewhere, by component.
func (j *Job) parts(planned *plan.Plan, images map[string][]string,
	assemble func(rest *plan.Plan) (*Result, error)) (*Result, error) {
	for _, name := range slices.Sorted(maps.Keys(images)) {
		if _, err := built(planned, name); err != nil {
			return nil, err
		}
	}
	rest, left := *planned, []string(nil)
	rest.Components = slices.DeleteFunc(slices.Clone(rest.Components), func(c plan.Component) bool {
		if !slices.Contains(images[c.Name], plan.Left) {
			return false
		}
		left = append(left, c.Name)
		return true
	})
	if len(rest.Components) == 0 {
		return nil, fault.New(fault.Build, "",
			errors.New("no component of the plan was built: there is nothing to make a payload of"))
	}
	for _, component := range rest.Components {
		if !component.IsSwapped() && len(images[component.Name]) == 0 {
			return nil, fault.New(fault.Usage, fmt.Sprintf("Pass it: %s=PULLSPEC.", component.Name),
				fmt.Errorf("no image is given for %q, which the plan builds", component.Name))
		}
	}
	result, err := assemble(&rest)
	if err == nil {
		result.Left = left
	}
	return result, err
}
