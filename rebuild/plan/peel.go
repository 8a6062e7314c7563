package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// fromLabel is the beginning of the label in which CI keeps the digest of the image that takes the place of the last
// FROM.
const fromLabel = "io.openshift.ci.from."

// tryPeel makes the base out of the payload's image: CI adds exactly one layer to it for each stage that the image
// consists of. The guard: other images of the payload stand on the same layers, or CI's label says what the image was
// built on; and no image that CI says to be built on the same base contradicts.
func (s *settler) tryPeel(ctx context.Context, u *unit, b *base) (bool, error) {
	donor := s.donor(u, b)
	if donor == nil {
		return false, nil
	}
	pullSpec := donor.component.Image
	failed := func(err error) (bool, error) {
		b.attempts = append(b.attempts, attempt{fromPeel, pullSpec, err})
		return false, ctx.Err()
	}
	image, err := s.image(ctx, pullSpec)
	if err != nil {
		return failed(err)
	}
	added, final := 1, map[int]bool{}
	if donor.resolution != nil {
		final = donor.resolution.File.FinalStages()
		added = len(final)
	}
	keep := len(image.Layers) - added
	if keep < 1 {
		return failed(fmt.Errorf("it has %d layers, and its own build added %d", len(image.Layers), added))
	}
	evidence, err := s.vouch(ctx, donor, image, keep)
	if err != nil {
		return failed(err)
	}
	p := &Peel{Layers: keep}
	if donor.resolution != nil {
		if p.Config, err = peelConfig(image.ConfigBlob, keep, donor.resolution.File.Text(), final); err != nil {
			return failed(err)
		}
	}
	if !s.offer(ctx, b, fromPeel, pullSpec, fmt.Sprintf("the payload's %s without its last %s: %s", donor.target.Name,
		plural(added, "layer"), evidence)) {
		return false, nil
	}
	b.peel = p
	_, b.digest = fromLabelOf(image)
	return true, nil
}

// plural counts things.
func plural(n int, thing string) string {
	if n == 1 {
		return thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// donor returns the component whose payload image stands on the base: the unit itself, or another of the request.
func (s *settler) donor(u *unit, b *base) *unit {
	if u.os != nil {
		return nil
	}
	if u.replaces() && b.Final {
		return u
	}
	if b.Image.IsZero() {
		return nil
	}
	for _, other := range s.units {
		for _, theirs := range other.bases {
			if theirs.Final && theirs.Image == b.Image && other.swapped == "" {
				return other
			}
		}
	}
	return nil
}

// vouch says why the first layers of a payload image are its base.
func (s *settler) vouch(ctx context.Context, donor *unit, image *registry.Image, keep int) (string, error) {
	label, sum := fromLabelOf(image)
	prefix := image.Config.RootFS.DiffIDs
	if len(prefix) != len(image.Layers) {
		return "", errors.New("its config and its manifest disagree about its layers")
	}
	prefix = prefix[:keep]
	var sharing string
	others := s.others(donor)
	for len(others) > 0 && sharing == "" {
		batch := others[:min(len(others), 16)]
		others = others[len(batch):]
		images, err := s.readImages(ctx, batch)
		if err != nil {
			return "", err
		}
		for i, other := range images {
			if other == nil {
				continue
			}
			shares := len(other.Config.RootFS.DiffIDs) >= keep &&
				slices.Equal(other.Config.RootFS.DiffIDs[:keep], prefix)
			if _, theirs := fromLabelOf(other); sum != "" && theirs == sum && !shares {
				return "", fmt.Errorf("%s says it was built on the same base, %s, but has other layers", batch[i], sum)
			}
			if shares && sharing == "" {
				sharing = batch[i]
			}
		}
	}
	switch {
	case sharing != "" && sum != "":
		return fmt.Sprintf("%s stands on the same layers, and the label %s names %s", sharing, label, sum), nil
	case sharing != "":
		return sharing + " stands on the same layers", nil
	case sum != "":
		return fmt.Sprintf("CI's label %s says that it was built on %s", label, sum), nil
	}
	return "", errors.New("no other image of the payload stands on the same layers, and no label of CI names its base")
}

// others lists the payload's other components, by name.
func (s *settler) others(donor *unit) []string {
	var list []string
	for name, component := range s.components {
		if name != donor.target.Name && component.Image != donor.component.Image {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// fromLabelOf returns CI's label that names the base, and the digest.
func fromLabelOf(image *registry.Image) (name, sum string) {
	for key, value := range image.Config.Config.Labels {
		if strings.HasPrefix(key, fromLabel) && digest.Digest(value).Validate() == nil && (name == "" || key < name) {
			name, sum = key, value
		}
	}
	return name, sum
}

// readImages reads several components of the payload at once; one that cannot be read is nil.
func (s *settler) readImages(ctx context.Context, names []string) ([]*registry.Image, error) {
	images := make([]*registry.Image, len(names))
	var group errgroup.Group
	for i, name := range names {
		group.Go(func() error {
			if image, err := s.image(ctx, s.components[name].Image); err == nil {
				images[i] = image
			}
			return nil
		})
	}
	_ = group.Wait() // nothing fails
	return images, ctx.Err()
}

// image reads an image of the payload once.
func (s *settler) image(ctx context.Context, pullSpec string) (*registry.Image, error) {
	return s.images.Do(pullSpec, func() (*registry.Image, error) { return s.Registry.Image(ctx, pullSpec) })
}
