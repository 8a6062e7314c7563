package rebuild

import (
	"errors"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// RecipeBuildData is the value of Request.Recipe that takes Dockerfile and bases from the build data instead of the ci-operator config.
const RecipeBuildData = "build-data"

// secondOpinion looks up how the build data build a component. Where the request says so, its Dockerfile replaces CI's.
func (j *Job) secondOpinion(w *work, u *unit) error {
	if j.BuildData == nil {
		if w.request.Recipe == RecipeBuildData {
			return fault.New(fault.Usage, "--build-data DIR names a clone of https://github.com/openshift-eng/ocp-build-data.",
				errors.New("--recipe=build-data needs build data"))
		}
		return nil
	}
	image, err := j.BuildData.Component(u.target.Name)
	if err != nil {
		if w.request.Recipe == RecipeBuildData {
			return err
		}
		u.opinion = append(u.opinion, err.Error())
		return nil
	}
	u.buildData = &image
	if w.request.Recipe == RecipeBuildData {
		u.takeBuildData = true
		return u.setRecipe()
	}
	return nil
}

// compare notes where the build data disagree with the config; where they were chosen, their bases are taken.
func (u *unit) compare() error {
	switch {
	case u.buildData == nil:
		return nil
	case u.takeBuildData:
		settled, err := u.buildData.Settle(u.resolution.Bases)
		if err != nil {
			return err
		}
		u.resolution.Bases = settled
		return nil
	}
	u.opinion = append(u.opinion, u.buildData.Differences(u.recipe, u.tree.Repository, u.resolution.Bases)...)
	return nil
}
