package ciconfig

import (
	"fmt"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"gopkg.in/yaml.v3"
)

// BuildRootFile is the file of a repository that names the build root, where the config says from_repository.
const BuildRootFile = ".ci-operator.yaml"

// ParseBuildRoot reads build_root_image from a repository's .ci-operator.yaml. Namespace, name and tag must all be
// there.
func ParseBuildRoot(name string, data []byte) (ImageRef, error) {
	root, d, err := document(name, data)
	if err != nil {
		return ImageRef{}, fault.New(fault.Unresolved, "", err)
	}
	var ref ImageRef
	err = d.fields(root, "", map[string]func(*yaml.Node, string) error{"build_root_image": d.reference(&ref)})
	if err == nil && ref.check() != nil {
		err = fmt.Errorf("%s: build_root_image must state namespace, name and tag", name)
	}
	return ref, fault.New(fault.Unresolved, "", err)
}

// RootFromRepository reports whether the build root is named in the repository and not yet known.
func (c *Config) RootFromRepository() bool {
	return c.BuildRoot != nil && c.BuildRoot.FromRepository && c.BuildRoot.ImageStreamTag.IsZero()
}

// WithBuildRoot returns a copy of the config whose build root is the given image.
func (c *Config) WithBuildRoot(ref ImageRef) *Config {
	other := *c
	other.BuildRoot = &BuildRoot{ImageStreamTag: ref}
	return &other
}
