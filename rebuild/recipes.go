package rebuild

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// maxConfig bounds a config file given by the user, in bytes.
const maxConfig = 8 << 20

// findRecipe finds how CI builds a unit: in the config that the user names, or in the one that promotes the component to the payload's
// stream. --dockerfile alone is enough for a component that no config promotes.
func (j *Job) findRecipe(ctx context.Context, w *work, u *unit) error {
	var err error
	switch {
	case u.target.Config != "":
		err = u.readConfig(w)
	default:
		u.match, err = j.findConfig(ctx, w, u)
		if err != nil && u.target.Dockerfile != "" && fault.KindOf(err) == fault.Unresolved {
			u.match, err = u.withoutConfig(), nil
		}
	}
	if err != nil {
		return err
	}
	if u.recipe, err = u.match.Config.Recipe(u.match.Image); err != nil {
		return err
	}
	u.recipe.Origin = u.match.Origin
	if err := u.override(); err != nil {
		return err
	}
	j.report(u.target.Name, StageResolve, Running, "%s builds %s (%s)", u.match.Path, u.match.Image, u.match.Reason)
	return nil
}

// findConfig asks the configs which one promotes the component.
func (j *Job) findConfig(ctx context.Context, w *work, u *unit) (ciconfig.Match, error) {
	if j.Configs == nil {
		return ciconfig.Match{}, fault.New(fault.Unresolved, "Pass --release-repo DIR with a checkout of openshift/release, or --config FILE.",
			fmt.Errorf("there is nowhere to look for the ci-operator config of component %q", u.target.Name))
	}
	source := u.component.Source
	if source == "" {
		source = u.spec.Repository
	}
	org, repo := splitRepository(source)
	return j.Configs.Find(ctx, ciconfig.Query{
		Stream: w.ciStream(), Tag: u.target.Name, Org: org, Repo: repo, Ref: u.component.Ref, Variant: u.target.Variant, Image: u.target.Item,
	})
}

// splitRepository returns the last two elements of a repository's address.
func splitRepository(address string) (org, repo string) {
	elements := strings.Split(strings.TrimSuffix(strings.TrimRight(address, "/"), ".git"), "/")
	if len(elements) < 2 {
		return "", ""
	}
	return elements[len(elements)-2], elements[len(elements)-1]
}

// readConfig takes the config that the user named.
func (u *unit) readConfig(w *work) error {
	info, err := os.Stat(u.target.Config)
	if err == nil && info.Size() > maxConfig {
		err = fmt.Errorf("%q has %d bytes; %d are the most", u.target.Config, info.Size(), maxConfig)
	}
	if err != nil {
		return fault.New(fault.Unresolved, "", fmt.Errorf("reading the config: %w", err))
	}
	data, err := os.ReadFile(u.target.Config)
	if err != nil {
		return fault.New(fault.Unresolved, "", fmt.Errorf("reading the config: %w", err))
	}
	config, err := ciconfig.Parse(u.target.Config, data)
	if err != nil {
		return err
	}
	u.match = ciconfig.Match{Path: u.target.Config, Origin: "--config", Config: config, Image: u.target.Item,
		Metadata: config.Metadata, Reason: "--config names it"}
	if u.match.Image == "" {
		u.match.Image = promotedImage(config, w.ciStream(), u.target.Name)
	}
	return nil
}

// promotedImage returns the image that a config promotes under a payload's tag; where it promotes none, the image of that name.
func promotedImage(config *ciconfig.Config, stream ciconfig.Stream, tag string) string {
	for _, candidate := range stream.Candidates() {
		for _, promoted := range config.Promotes("") {
			if promoted.To == candidate.Tag(tag) {
				return promoted.Image
			}
		}
	}
	return tag
}

// withoutConfig stands for the config of a component that none promotes: one image, built from the Dockerfile that the user names.
func (u *unit) withoutConfig() ciconfig.Match {
	config := &ciconfig.Config{Name: "--dockerfile", Images: []ciconfig.Image{{To: u.target.Name, Dockerfile: u.target.Dockerfile, ContextDir: u.target.ContextDir}}}
	return ciconfig.Match{Path: "", Origin: "--dockerfile", Config: config, Image: u.target.Name, Reason: "no config promotes it"}
}

// override applies --dockerfile, --context-dir and --build-arg to the recipe.
func (u *unit) override() error {
	for _, path := range []string{u.target.Dockerfile, u.target.ContextDir} {
		if path != "" && !filepath.IsLocal(path) {
			return fault.Errorf(fault.Usage, "%q is not a path inside the source", path)
		}
	}
	if u.target.Dockerfile != "" {
		u.recipe.Dockerfile, u.recipe.Literal = u.target.Dockerfile, ""
	}
	if u.target.ContextDir != "" {
		u.recipe.ContextDir = u.target.ContextDir
	}
	for _, arg := range u.target.BuildArgs {
		u.recipe.BuildArgs = setArg(u.recipe.BuildArgs, ciconfig.Arg(arg))
	}
	for _, arg := range u.recipe.BuildArgs {
		u.args = append(u.args, Arg(arg))
	}
	return nil
}

// setArg returns args with one set, in a list of its own.
func setArg(args []ciconfig.Arg, set ciconfig.Arg) []ciconfig.Arg {
	var result []ciconfig.Arg
	for _, arg := range args {
		if arg.Name != set.Name {
			result = append(result, arg)
		}
	}
	return append(result, set)
}
