package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// recipeOptions say how components are built where the payload and the configs do not, or not as wanted. A value that
// is about one component is VALUE where one component is named, and COMPONENT=VALUE (--build-arg
// COMPONENT=NAME=VALUE) where there are several.
type recipeOptions struct {
	releaseRepo    string
	configResolver string
	buildData      string
	configs        []string
	configImages   []string
	variants       []string
	dockerfiles    []string
	contextDirs    []string
	buildArgs      []string
	baseImages     []string
	baseImageMap   string
	basePolicy     string
	recipe         string
	withDependents bool
	patches        []string
	images         []string
	sourceLimits   int
	withIgnored    bool
}

func (o *recipeOptions) apply(flags *pflag.FlagSet) {
	defer grouped(flags, groupRecipe)()
	flags.StringVar(&o.releaseRepo, "release-repo", "",
		"openshift/release: `DIR`, DIR@REVISION or a git URL (default: https://github.com/openshift/release, cached)")
	flags.StringVar(&o.configResolver, "config-resolver", "",
		"`URL` of a ci-operator config resolver to ask instead of --release-repo")
	flags.StringArrayVar(&o.configs, "config", nil,
		"ci-operator config `[COMPONENT=]FILE` to use instead of looking for one")
	flags.StringArrayVar(&o.configImages, "config-image", nil,
		"`[COMPONENT=]NAME` of the image in that config (default: the one promoted to the component)")
	flags.StringArrayVar(&o.variants, "variant", nil,
		"`[COMPONENT=]VARIANT` of the config (default: the one that promotes to the payload's stream)")
	flags.StringArrayVar(&o.dockerfiles, "dockerfile", nil,
		"`[COMPONENT=]PATH` of the Dockerfile in the source, instead of the config's")
	flags.StringArrayVar(&o.contextDirs, "context-dir", nil, "`[COMPONENT=]DIR` in the source, instead of the config's")
	flags.StringArrayVar(&o.buildArgs, "build-arg", nil,
		"build argument `[COMPONENT=]NAME=VALUE`, overriding the config's")
	flags.StringArrayVar(&o.baseImages, "base-image", nil,
		"`REFERENCE=PULLSPEC`: build on PULLSPEC where a Dockerfile or config says REFERENCE (namespace/name:tag or the literal text; * matches; payload:NAME is the payload's image)")
	flags.StringVar(&o.baseImageMap, "base-image-map", "", "`FILE` with one such rule per line")
	flags.StringVar(&o.basePolicy, "base-policy", "auto", "auto: find a base that can be pulled; ci: only what CI uses")
	flags.StringVar(&o.buildData, "build-data", "", "`DIR` laid out like ocp-build-data, for a second opinion")
	flags.StringVar(&o.recipe, "recipe", "ci", "whose Dockerfile and bases to use: ci or build-data")
	flags.BoolVar(&o.withDependents, "with-dependents", false,
		"also rebuild components whose images are built on those named")
	flags.StringArrayVar(&o.patches, "patch", nil, "patch `[COMPONENT=]FILE` to apply to the source")
	flags.BoolVar(&o.withIgnored, "with-ignored-files", false,
		"build local sources with files that git ignores; CI's clone has none of them")
	o.applyLimits(flags)
	flags.StringArrayVar(&o.images, "image", nil, "`COMPONENT=PULLSPEC`: swap in an existing image")
}

// applyLimits adds how large sources may be.
func (o *recipeOptions) applyLimits(flags *pflag.FlagSet) {
	defer grouped(flags, groupRecipe)()
	flags.IntVar(&o.sourceLimits, "source-limits", 1,
		"allow fetched sources `N` times the usual files, bytes and time")
}

// checkLimits refuses a number that is none.
func (o *recipeOptions) checkLimits() error {
	if n := o.sourceLimits; n < 1 || n > 1000 {
		return fault.Errorf(fault.Usage, "--source-limits %d is not from 1 to 1000", n)
	}
	return nil
}

// targets turns arguments and per-component flags into targets.
func (o *recipeOptions) targets(args []string) ([]plan.Target, error) {
	var targets []plan.Target
	for _, argument := range args {
		target, err := plan.ParseTarget(argument)
		if err != nil {
			return nil, err
		}
		targets = append(targets, target)
	}
	for _, image := range o.images {
		name, pullSpec, found := strings.Cut(image, "=")
		if !found || name == "" || pullSpec == "" {
			return nil, fault.Errorf(fault.Usage, "--image %q: want COMPONENT=PULLSPEC", image)
		}
		targets = append(targets, plan.Target{Name: name, Image: pullSpec})
	}
	for _, setting := range []struct {
		flag   string
		values []string
		set    func(*plan.Target, string) error
	}{
		{"config", o.configs, func(t *plan.Target, v string) error { t.Config = v; return nil }},
		{"config-image", o.configImages, func(t *plan.Target, v string) error { t.Item = v; return nil }},
		{"variant", o.variants, func(t *plan.Target, v string) error { t.Variant = v; return nil }},
		{"dockerfile", o.dockerfiles, func(t *plan.Target, v string) error { t.Dockerfile = v; return nil }},
		{"context-dir", o.contextDirs, func(t *plan.Target, v string) error { t.ContextDir = v; return nil }},
		{"build-arg", o.buildArgs, addBuildArg},
		{"patch", o.patches, func(t *plan.Target, v string) error { t.Patches = append(t.Patches, v); return nil }},
	} {
		for _, value := range setting.values {
			if err := assign(targets, setting.flag, value, setting.set); err != nil {
				return nil, err
			}
		}
	}
	return targets, nil
}

// assign gives a per-component value to the target it names, or to the only one.
func assign(targets []plan.Target, flag, value string, set func(*plan.Target, string) error) error {
	name, rest, found := strings.Cut(value, "=")
	for i := range targets {
		if found && targets[i].Name == name {
			return set(&targets[i], rest)
		}
	}
	if len(targets) == 1 {
		return set(&targets[0], value)
	}
	return fault.New(fault.Usage, fmt.Sprintf("Write --%s COMPONENT=%s.", flag, value),
		fmt.Errorf("--%s %q does not say which of the components it is for", flag, value))
}

func addBuildArg(target *plan.Target, text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found || name == "" {
		return fault.Errorf(fault.Usage, "--build-arg %q: want NAME=VALUE", text)
	}
	target.BuildArgs = append(target.BuildArgs, ciconfig.Arg{Name: name, Value: value})
	return nil
}
