package builder

import (
	"errors"
	"fmt"
	"strings"

	"go.podman.io/storage"
)

// Name gives an image in local storage a name, by which Image finds it. Without one it would be taken for a leftover.
func (b *Builder) Name(image Image, name string) error {
	if err := b.store.AddNames(image.ID, []string{name}); err != nil {
		return fmt.Errorf("naming image %q: %w", image.ID, err)
	}
	return nil
}

// Named lists the names in local storage that begin with prefix.
func (b *Builder) Named(prefix string) ([]string, error) {
	images, err := b.store.Images()
	if err != nil {
		return nil, fmt.Errorf("listing the images in local storage: %w", err)
	}
	var names []string
	for _, image := range images {
		for _, name := range image.Names {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// Forget removes the image of a name, unless there is none, or a build uses it.
func (b *Builder) Forget(name string) error {
	_, err := b.store.DeleteImage(name, true)
	if err != nil && !errors.Is(err, storage.ErrImageUnknown) && !errors.Is(err, storage.ErrNotAnImage) &&
		!errors.Is(err, storage.ErrImageUsedByContainer) {
		return fmt.Errorf("removing image %q: %w", name, err)
	}
	return nil
}
