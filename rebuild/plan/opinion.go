package plan

import (
	"errors"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// RecipeBuildData is the value of Request.Recipe that takes Dockerfile and bases from the build data instead of the
// ci-operator config.
const RecipeBuildData = "build-data"

// secondOpinion looks up how the build data build a component. Where the request says so, its Dockerfile replaces CI's.
func (p *planner) secondOpinion(u *unit) error {
	if p.BuildData == nil {
		if p.request.Recipe == RecipeBuildData {
			return fault.New(fault.Usage,
				"--build-data DIR names a clone of https://github.com/openshift-eng/ocp-build-data.",
				errors.New("--recipe=build-data needs build data"))
		}
		return nil
	}
	image, err := p.BuildData.Component(u.target.Name)
	if err != nil {
		if p.request.Recipe == RecipeBuildData {
			return err
		}
		u.opinion = append(u.opinion, err.Error())
		return nil
	}
	u.buildData = &image
	u.takeBuildData = p.request.Recipe == RecipeBuildData
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
