package rebuild

import (
	"fmt"

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
			Stream: Stream(w.stream),
		},
		Components: []PlannedComponent{},
		Order:      [][]string{},
	}
	if w.release.ListDigest != "" {
		w.plan.Release.Digest = w.release.ListDigest
	}
	for _, u := range w.units {
		component, err := u.describe()
		if err != nil {
			return fmt.Errorf("component %q: %w", u.target.Name, err)
		}
		w.plan.Components = append(w.plan.Components, component)
		for _, note := range u.outside(w.secrets) {
			w.plan.Warnings = append(w.plan.Warnings, plain.Line(u.target.Name+": "+note))
		}
		for _, b := range u.bases {
			if b.Kind == "RUN --mount" && u.os == nil {
				w.plan.Warnings = append(w.plan.Warnings, plain.Line(fmt.Sprintf("%s: line %d mounts %s into a RUN step", u.target.Name, b.Line, b.Reference)))
			}
		}
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

// describe writes the plan of one component.
func (u *unit) describe() (PlannedComponent, error) {
	planned := PlannedComponent{Name: u.target.Name, Image: u.component.Image, Bases: []PlannedBase{}, Labels: u.labels, Target: u.repository}
	if u.swapped != "" {
		planned.Source.Kind, planned.Target, planned.Labels = "image", u.swapped, map[string]string{}
		return planned, nil
	}
	planned.Source = PlannedSource{Kind: string(u.tree.Kind), Repository: u.tree.Repository, Commit: u.tree.Commit, Ref: u.tree.Ref, Path: u.tree.Path, Dirty: u.tree.Dirty}
	text, err := u.render(func(b *base) string { return payloadScheme + b.built.target.Name })
	if err != nil {
		return PlannedComponent{}, err
	}
	planned.Recipe = PlannedRecipe{
		Origin:         u.recipe.Origin,
		Config:         u.match.Path,
		Image:          u.recipe.Image,
		ContextDir:     u.recipe.ContextDir,
		Dockerfile:     u.recipe.Dockerfile,
		BuildArgs:      u.args,
		DockerfileText: string(text),
		Reason:         u.match.Reason,
	}
	if planned.Recipe.BuildArgs == nil {
		planned.Recipe.BuildArgs = []Arg{}
	}
	for _, b := range u.bases {
		planned.Bases = append(planned.Bases, PlannedBase{
			Reference: b.Reference, Line: b.Line, Alias: b.Alias, Image: b.Image.String(), PullSpec: b.chosen,
			From: b.from, Stage: b.Stage, Final: b.Final, Reason: b.why,
		})
	}
	return planned, nil
}

// render returns the Dockerfile as it is built: bases put in, and what CI and ART tell a build about its source set in every stage. built
// says what to write for a base that is built in the same run.
func (u *unit) render(built func(*base) string) ([]byte, error) {
	next := 0 // Rewrite asks for the bases in their order
	text, err := u.resolution.Rewrite(func(ciconfig.Base) string {
		b := u.bases[next]
		next++
		if b.built != nil {
			return built(b)
		}
		return b.chosen
	})
	if err != nil {
		return nil, err
	}
	if u.os != nil {
		return text, nil // they would stay in the environment of the operating system
	}
	var variables []dockerfile.Variable
	for _, v := range u.tree.Variables() {
		variables = append(variables, dockerfile.Variable(v))
	}
	return dockerfile.WithEnvironment(text, func(int) []dockerfile.Variable { return variables })
}
