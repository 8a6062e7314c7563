package rebuild

import (
	"fmt"
	"slices"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
)

// describe writes the plan of a settled request.
func (w *work) describe() error {
	w.plan = &Plan{
		Release: PlannedRelease{
			Image:  w.request.Release,
			Digest: w.release.Digest,
			Name:   w.release.Name,
			Stream: w.stream,
		},
		Components: []PlannedComponent{},
		Order:      [][]string{},
	}
	if w.release.ListDigest != "" {
		w.plan.Release.Digest = w.release.ListDigest
	}
	for _, u := range slices.Concat(w.units, w.helpers) {
		component, err := u.describe()
		if err != nil {
			return fmt.Errorf("%s %q: %w", u.noun(), u.target.Name, err)
		}
		if u.replaces() && u.problem != nil && !(w.request.All && u.component.Source == "") { // of a whole payload, some have no source by nature
			w.plan.problems = append(w.plan.problems, u.problem)
		}
		if u.replaces() {
			w.plan.Components = append(w.plan.Components, component)
		} else {
			w.plan.Images = append(w.plan.Images, component)
		}
		for _, warning := range u.warnings(w.secrets) {
			w.plan.Warnings = append(w.plan.Warnings, plain.Line(u.target.Name+": "+warning))
		}
	}
	if hint := w.hindsight(); hint != "" {
		w.plan.Warnings = append(w.plan.Warnings, hint)
	}
	for _, group := range w.order {
		var names []string
		for _, u := range group {
			names = append(names, u.target.Name)
		}
		w.plan.Order = append(w.plan.Order, names)
	}
	return nil
}

// hindsight is how much later than the payload the configs may have been written before a plan mentions it: a branch
// cut changes what promotes to where.
const hindsight = 30 * 24 * time.Hour

// hindsight says that the configs are of another time than the payload.
func (w *work) hindsight() string {
	if w.configTime.IsZero() || w.configTime.Sub(w.release.Created) < hindsight {
		return ""
	}
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	return fmt.Sprintf(
		"the configs are of %s, the payload of %s: --release-repo DIR@REVISION or URL@REVISION takes them as they were then; in a clone, "+
			"`git log -1 --format=%%H --before=%s` names the revision",
		day(w.configTime),
		day(w.release.Created),
		day(w.release.Created),
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
			list = append(list, fmt.Sprintf("CI builds it on its own image of before, %s: what an earlier build left in that stays", b.Image))
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
func (u *unit) describe() (PlannedComponent, error) {
	planned := PlannedComponent{
		Name:   u.target.Name,
		Kind:   string(u.kind),
		Image:  u.component.Image,
		Bases:  []PlannedBase{},
		Labels: u.labels,
		Target: u.repository,
	}
	if u.problem != nil {
		planned.Problem = u.problem.Error()
	}
	if u.swapped != "" {
		planned.Source.Kind, planned.Target, planned.Labels = "image", u.swapped, map[string]string{}
		return planned, nil
	}
	planned.Source = PlannedSource{
		Kind:        string(u.tree.Kind),
		Repository:  u.tree.Repository,
		Commit:      u.tree.Commit,
		Ref:         u.tree.Ref,
		Path:        u.tree.Path,
		Dirty:       u.tree.Dirty,
		Ignored:     len(u.tree.Ignored),
		Unpublished: u.tree.Unpublished,
	}
	file, err := u.render(func(b *base) string { return payloadScheme + b.built.target.Name })
	if err != nil {
		return PlannedComponent{}, err
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
	planned.Recipe = PlannedRecipe{
		Origin:         u.recipe.Origin,
		Config:         u.match.Path,
		Image:          u.recipe.Image,
		ContextDir:     u.recipe.ContextDir,
		Dockerfile:     u.recipe.Dockerfile,
		BuildArgs:      u.args,
		DockerfileText: string(file.Text()),
		Reason:         u.match.Reason,
	}
	if planned.Recipe.BuildArgs == nil {
		planned.Recipe.BuildArgs = []ciconfig.Arg{}
	}
	return planned, nil
}

// describe writes what stands for a base, and what was tried before.
func (b *base) describe() PlannedBase {
	planned := PlannedBase{
		Reference: b.Reference, Line: b.Line, Alias: b.Alias, Image: b.Image.String(), PullSpec: b.chosen,
		From: b.from, Stage: b.Stage, Final: b.Final, Reason: b.why,
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
		planned.Attempts = append(planned.Attempts, PlannedAttempt{From: a.from, PullSpec: a.pullSpec, Problem: a.err.Error()})
	}
	return planned
}

// render returns the Dockerfile as it is built: bases put in, and what CI and ART tell a build about its source set in
// every stage. built says what to write for a base that is built in the same run.
func (u *unit) render(built func(*base) string) (*dockerfile.File, error) {
	if u.resolution == nil { // the Dockerfile was not read
		return new(dockerfile.File), nil
	}
	next := 0 // Rewrite asks for the bases in their order
	file, err := u.resolution.Rewrite(func(ciconfig.Base) string {
		b := u.bases[next]
		next++
		switch {
		case b.built != nil:
			return built(b)
		case b.peeled != nil:
			return b.peeled.id()
		}
		return b.chosen
	})
	if err != nil {
		return nil, err
	}
	if u.os != nil {
		return file, nil // they would stay in the environment of the operating system
	}
	var variables []dockerfile.Variable
	for _, v := range u.tree.Variables() {
		variables = append(variables, dockerfile.Variable(v))
	}
	return file.WithEnvironment(func(int) []dockerfile.Variable { return variables })
}
