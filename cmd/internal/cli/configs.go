package cli

import (
	"fmt"
	"os"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
)

// configs opens the place where ci-operator configs come from; nil where none is named.
func (o *jobOptions) configs() (rebuild.Configs, error) {
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
