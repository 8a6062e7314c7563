package plan

import (
	"context"
	"fmt"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// findConfig finds the config by which CI builds a component: the one that the user names, or the one that promotes
// the component to the payload's stream. --dockerfile alone is enough for a component that no config promotes.
func (p *planner) findConfig(ctx context.Context, u *unit) error {
	var err error
	switch {
	case u.target.Config != "":
		u.match, err = readConfig(u.target.Config, p.query(u))
	default:
		u.match, err = p.promoting(ctx, p.query(u))
		if err != nil && u.target.Dockerfile != "" && fault.KindOf(err) == fault.Unresolved {
			p.Report.Report(u.target.Name, progress.Resolve, progress.Warned,
				"it is built from --dockerfile alone: %v", err)
			u.match, err = u.withoutConfig(), nil
		}
	}
	if err != nil {
		return err
	}
	if err := p.secondOpinion(u); err != nil {
		return err
	}
	p.Report.Report(u.target.Name, progress.Resolve, progress.Running, "%s builds %s (%s)", u.match.Path,
		u.match.Image, u.match.Reason)
	return nil
}

// query asks for the config of a component.
func (p *planner) query(u *unit) ciconfig.Query {
	source := u.component.Source
	if source == "" {
		source = u.spec.Repository
	}
	org, repo := splitRepository(source)
	return ciconfig.Query{
		Stream: p.stream, Tag: u.target.Name, Org: org, Repo: repo,
		Ref: u.component.Ref, Branch: u.spec.Branch(), Variant: u.target.Variant, Image: u.target.Item,
	}
}

// promoting asks the configs which one promotes a component.
func (p *planner) promoting(ctx context.Context, query ciconfig.Query) (ciconfig.Match, error) {
	if p.Configs == nil {
		return ciconfig.Match{}, fault.New(fault.Unresolved,
			"Pass --release-repo DIR with a checkout of openshift/release, or --config FILE.",
			fmt.Errorf("there is nowhere to look for the ci-operator config of component %q", query.Tag))
	}
	return p.Configs.Find(ctx, query)
}

// splitRepository returns the last two elements of a repository's address.
func splitRepository(address string) (org, repo string) {
	elements := strings.Split(strings.TrimSuffix(strings.TrimRight(address, "/"), ".git"), "/")
	if len(elements) < 2 {
		return "", ""
	}
	return elements[len(elements)-2], elements[len(elements)-1]
}

// readConfig takes the config that the user named, and finds the component's image in it.
func readConfig(name string, query ciconfig.Query) (ciconfig.Match, error) {
	config, err := ciconfig.Load(name)
	if err != nil {
		return ciconfig.Match{}, err
	}
	match, err := config.Select(query)
	match.Origin, match.Reason = "--config", "--config names it; "+match.Reason
	return match, err
}

// withoutConfig stands for the config of a component that none promotes: one image, built from the Dockerfile that the
// user names.
func (u *unit) withoutConfig() ciconfig.Match {
	config := &ciconfig.Config{
		Name:   "--dockerfile",
		Images: []ciconfig.Image{{To: u.target.Name}}, // what the user says comes last
	}
	return ciconfig.Match{Path: "", Origin: "--dockerfile", Config: config, Image: u.target.Name,
		Reason: "no config promotes it"}
}

// setRecipe takes the recipe of the unit's image out of its config, and applies --dockerfile, --context-dir and
// --build-arg to it.
func (u *unit) setRecipe() error {
	var err error
	if u.recipe, err = u.match.Recipe(); err != nil {
		return err
	}
	if u.takeBuildData {
		u.recipe = u.buildData.Apply(u.recipe)
	}
	override := ciconfig.Override{ContextDir: u.target.ContextDir, Dockerfile: u.target.Dockerfile,
		BuildArgs: u.target.BuildArgs}
	u.recipe, err = u.recipe.With(override)
	return err
}
