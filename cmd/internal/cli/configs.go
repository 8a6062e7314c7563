package cli

import (
	"fmt"
	"os"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/builddata"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
)

// configs opens the place where ci-operator configs come from; nil where none is named.
func (o *jobOptions) configs(_ *gitsrc.Store) (rebuild.Configs, error) {
	if o.recipe.configResolver != "" {
		if o.recipe.releaseRepo != "" {
			return nil, fault.Errorf(fault.Usage, "--config-resolver and --release-repo exclude each other")
		}
		return ciconfig.NewResolver(o.recipe.configResolver, nil)
	}
	directory := o.recipe.releaseRepo
	if directory == "" {
		return nil, nil
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, fault.New(fault.Unresolved, "--release-repo names a checkout of openshift/release.", fmt.Errorf("opening the configs: %w", err))
	}
	return ciconfig.Open(root.FS(), directory), nil
}

// buildData opens the second opinion; nil where none is named.
func (o *jobOptions) buildData() (rebuild.BuildData, error) {
	if o.recipe.buildData == "" {
		return nil, nil
	}
	root, err := os.OpenRoot(o.recipe.buildData)
	if err != nil {
		return nil, fault.New(fault.Unresolved, "--build-data names a checkout of ocp-build-data.", fmt.Errorf("opening the build data: %w", err))
	}
	return builddata.Open(root.FS(), o.recipe.buildData), nil
}
