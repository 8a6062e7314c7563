package plan

import (
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
)

// describe writes the plan of what is settled.
func (p *planner) describe(order [][]*unit) (*Plan, error) {
	plan := &Plan{
		APIVersion: Version,
		Release: Release{Image: p.request.Release, PullSpec: p.Release.PullSpec, Digest: p.Release.Digest,
			Name:   p.Release.Name,
			Stream: p.stream},
		Platform:   p.Registry.Platform().Normal().String(),
		Components: []Component{},
		Order:      [][]string{},
	}
	if p.Release.ListDigest != "" {
		plan.Release.Digest = p.Release.ListDigest
	}
	for _, u := range slices.Concat(p.units, p.helpers) {
		component, err := u.describe()
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", u.noun(), u.target.Name, err)
		}
		// of a whole payload, some have no source by nature
		if u.problem != nil && !(p.request.All && u.component.Source == "") {
			component.Class, component.Advice = fault.KindOf(u.problem), fault.AdviceOf(u.problem)
		}
		if u.replaces() {
			plan.Components = append(plan.Components, component)
		} else {
			plan.Images = append(plan.Images, component)
		}
		for _, warning := range u.warnings(p.Secrets) {
			plan.Warnings = append(plan.Warnings, plain.Line(u.target.Name+": "+warning))
		}
	}
	if hint := p.hindsight(); hint != "" {
		plan.Warnings = append(plan.Warnings, hint)
	}
	for _, group := range order {
		var names []string
		for _, u := range group {
			names = append(names, u.target.Name)
		}
		plan.Order = append(plan.Order, names)
	}
	return plan, nil
}

// hindsight is how much later than the payload the configs may have been written before a plan mentions it: a branch
// cut changes what promotes to where.
const hindsight = 30 * 24 * time.Hour

// hindsight says that the configs are of another time than the payload.
func (p *planner) hindsight() string {
	written := p.configTime()
	if written.IsZero() || written.Sub(p.Release.Created) < hindsight {
		return ""
	}
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	return fmt.Sprintf(
		"the configs are of %s, the payload of %s: --release-repo DIR@REVISION or URL@REVISION takes them as they were then; in a clone, "+
			"`git log -1 --format=%%H --before=%s` names the revision",
		day(written),
		day(p.Release.Created),
		day(p.Release.Created),
	)
}

// warnings says what the user should know about a unit.
func (u *unit) warnings(secrets []string) []string {
	list := append(append([]string{}, u.opinion...), u.outside(secrets)...)
	if u.resolution != nil {
		for _, notice := range u.resolution.Notices {
			list = append(list, fmt.Sprintf("line %d: %s", notice.Line, notice.Text))
		}
	}
	for _, b := range u.bases {
		if b.Kind == dockerfile.Mount && u.os == nil {
			list = append(list, fmt.Sprintf("line %d mounts %s into a RUN step", b.Line, b.Reference))
		}
		if b.Final && !b.Image.IsZero() && b.Image == u.match.To {
			list = append(list,
				fmt.Sprintf("CI builds it on its own image of before, %s: what an earlier build left in that stays",
					b.Image))
		}
		if b.from == fromOverlay {
			list = append(
				list,
				"it is built on top of its own image in the payload, so files that the new build does not write stay; --base-image gives it another base",
			)
		}
	}
	return list
}

// describe writes the plan of one unit.
func (u *unit) describe() (Component, error) {
	planned := Component{
		Name:   u.target.Name,
		Kind:   string(u.kind),
		Image:  u.component.Image,
		Bases:  []Base{},
		Labels: u.labels,
		Target: u.repository,
	}
	if u.problem != nil {
		planned.Problem = u.problem.Error()
	}
	if u.swapped != "" {
		planned.Source.Kind, planned.Target, planned.Labels = SourceImage, u.swapped, map[string]string{}
		return planned, nil
	}
	planned.Source = Source{
		Kind:        string(u.tree.Kind),
		Repository:  u.tree.Repository,
		Commit:      u.tree.Commit,
		Ref:         u.tree.Ref,
		Path:        u.tree.Path,
		Dirty:       u.tree.Dirty,
		Ignored:     countIgnored(u.tree.Ignored),
		Unpublished: u.tree.Unpublished,
		Merged:      u.tree.Merged,
		Request:     u.request,
		Time:        u.tree.Time.UTC(),
		Digest:      u.digest,
		Read:        u.readAt.UTC(),
	}
	var err error
	if planned.Source.Patches, err = readPatches(u.request.Patches); err != nil {
		return Component{}, err
	}
	file, err := u.render()
	if err != nil {
		return Component{}, err
	}
	if u.os != nil {
		planned.OS = &OSImage{u.os.base, u.target.OS}
	}
	for _, b := range u.bases {
		planned.Bases = append(planned.Bases, b.describe())
	}
	for _, b := range u.files {
		planned.Files = append(planned.Files, b.describe())
	}
	if u.match.Config == nil {
		planned.Recipe.BuildArgs = []ciconfig.Arg{}
		return planned, nil
	}
	planned.Recipe = Recipe{
		Origin:     u.recipe.Origin,
		Config:     u.match.Path,
		Image:      u.recipe.Image,
		ContextDir: u.recipe.ContextDir,
		Dockerfile: u.recipe.Dockerfile,
		BuildArgs:  u.recipe.BuildArgs,
		Requests:   u.recipe.Requests,
		File:       *file,
		Literal:    u.recipe.Literal,
		Contexts:   u.recipe.Contexts(),
		Reason:     u.match.Reason,
	}
	if planned.Recipe.BuildArgs == nil {
		planned.Recipe.BuildArgs = []ciconfig.Arg{}
	}
	return planned, nil
}

// describe writes what stands for a base, and what was tried before.
func (b *base) describe() Base {
	planned := Base{
		Reference: b.Reference, Line: b.Line, Alias: b.Alias, Image: b.Image.String(), PullSpec: b.chosen,
		From: b.from, Stage: b.Stage, Final: b.Final, Reason: b.why, Kind: b.Kind, Peel: b.peel,
	}
	if b.built != nil {
		planned.Built = b.built.target.Name
	}
	if b.from == fromPayload || b.from == fromMap {
		planned.Component = b.taken
	}
	if b.problem != nil {
		planned.Problem = b.problem.Error()
	}
	for _, a := range b.attempts {
		planned.Attempts = append(planned.Attempts, Attempt{From: a.from, PullSpec: a.pullSpec, Problem: a.err.Error()})
	}
	return planned
}

// render returns the Dockerfile as it is built: bases put in, and what CI and ART tell a build about its source set
// in every stage. What the plan itself builds stands in it as payload:NAME.
func (u *unit) render() (*dockerfile.File, error) {
	if u.resolution == nil { // the Dockerfile was not read
		return new(dockerfile.File), nil
	}
	next := 0 // Rewrite asks for the bases in their order
	file, err := u.resolution.Rewrite(func(ciconfig.Base) string {
		b := u.bases[next]
		next++
		switch {
		case b.built != nil:
			return PayloadScheme + b.built.target.Name
		case b.peel != nil:
			return b.peel.ID()
		}
		return b.chosen
	})
	if err != nil || u.os != nil { // variables would stay in the environment of the operating system
		return file, err
	}
	var variables []dockerfile.Variable
	for _, v := range u.tree.Variables() {
		variables = append(variables, dockerfile.Variable(v))
	}
	return file.WithEnvironment(func(int) []dockerfile.Variable { return variables })
}

// countIgnored counts what git ignores: the .git of a clone is not among it.
func countIgnored(paths []string) (n int) {
	for _, one := range paths {
		if path.Base(one) != ".git" {
			n++
		}
	}
	return n
}
