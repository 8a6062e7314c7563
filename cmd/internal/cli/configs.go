package cli

import (
	"fmt"
	"os"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/builddata"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// defaultReleaseRepo is where CI keeps its configs.
const defaultReleaseRepo = "https://github.com/openshift/release"

// configs returns where ci-operator configs come from. Nothing is opened or fetched before the first one is looked for.
func (o *jobOptions) configs(sources *gitsrc.Store) (plan.Configs, func() error, error) {
	if o.recipe.configResolver != "" {
		if o.recipe.releaseRepo != "" {
			return nil, nil, fault.Errorf(fault.Usage, "--config-resolver and --release-repo exclude each other")
		}
		resolver, err := ciconfig.NewResolver(o.recipe.configResolver, nil)
		return resolver, func() error { return nil }, err
	}
	location := o.recipe.releaseRepo
	if location == "" {
		location = defaultReleaseRepo
	}
	repo := plan.NewReleaseRepo(sources, location)
	return repo, repo.Close, nil
}

// buildData opens the second opinion; nil where none is named. The function closes it.
func (o *jobOptions) buildData() (plan.BuildData, func() error, error) {
	if o.recipe.buildData == "" {
		return nil, func() error { return nil }, nil
	}
	root, err := os.OpenRoot(o.recipe.buildData)
	if err != nil {
		return nil, nil, fault.New(fault.Unresolved, "--build-data names a checkout of ocp-build-data.",
			fmt.Errorf("opening the build data: %w", err))
	}
	return builddata.Open(root.FS(), o.recipe.buildData), root.Close, nil
}
