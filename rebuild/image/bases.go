package image

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// pullBases brings every base into local storage, and returns the layers of the one that the image itself is built on.
func (m *prepared) pullBases(ctx context.Context, u *Unit) (layers []Layer, err error) {
	defer m.Report.Start(u.Name, progress.Pull)()
	u.local = map[string]localImage{}
	for _, base := range u.Bases {
		image, described, err := m.provide(ctx, *u, base)
		if err == nil {
			err = checkTriggers(image, u.reference(base))
		}
		if err == nil && base.Kind != dockerfile.Copy && base.Kind != dockerfile.Mount {
			err = m.checkPlatform(image, u.reference(base))
		}
		if err == nil && base.Kind == dockerfile.From {
			err = m.checkPrograms(*u, image)
		}
		if err != nil {
			return nil, err
		}
		u.images = append(u.images, image)
		if base.Final {
			layers = described
		}
	}
	return layers, u.inStorage()
}

// pull brings an image into local storage. All images of a manifest list have the name of the list there, and other runs
// and tools may give it to that for another platform at any time: such an image is called by its own digest. One that is
// for another platform and only gives files goes by its ID, since buildah does not find it by a name.
func (m *prepared) pull(ctx context.Context, u Unit, pullSpec string) (builder.Image, error) {
	pull := func(pullSpec string) (builder.Image, error) {
		image, err := m.storage.images.Do(pullSpec, func() (builder.Image, error) {
			m.Report.Report(u.Name, progress.Pull, progress.Started, "%s", pullSpec)
			return m.storage.opened.Pull(ctx, pullSpec, nil)
		})
		return image, m.Reading.Explain(err, "pulling", pullSpec)
	}
	image, err := pull(pullSpec)
	if err != nil {
		// as image/v5 says it, which knows nothing of flags; whatever else failed would only fail once more
		if strings.Contains(err.Error(), "no image found in") {
			if _, why := m.describe(ctx, pullSpec); errors.Is(why, registry.ErrNoPlatform) {
				err = why
			}
		}
		return builder.Image{}, err
	}
	_, matches, err := m.platformOf(image)
	if err != nil {
		return builder.Image{}, err
	}
	repository, named := registry.SplitDigest(pullSpec)
	if named == "" || digest.FromBytes(image.Manifest) == named {
		if !matches {
			u.local[pullSpec] = localImage{image.ID, named}
		}
		return image, nil
	}
	if !matches {
		described, err := m.describe(ctx, pullSpec)
		if err != nil {
			return builder.Image{}, err
		}
		if image, err = pull(repository + "@" + described.Digest.String()); err != nil {
			return builder.Image{}, err
		}
	}
	sum := digest.FromBytes(image.Manifest)
	own := localImage{repository + "@" + sum.String(), sum}
	u.local[pullSpec] = own
	return image, m.storage.opened.Name(image, own.name)
}

// describe reads what an image is in its registry. What is built is for the payload's platform: where a list has nothing
// for that, another image is what helps.
func (m *prepared) describe(ctx context.Context, pullSpec string) (*registry.Image, error) {
	described, err := m.Reading.Image(ctx, pullSpec)
	if errors.Is(err, registry.ErrNoPlatform) {
		err = fault.New(fault.KindOf(err), otherBase, err)
	}
	return described, err
}

// otherBase is the advice for a base that is not for the platform.
const otherBase = "--base-image names another one."

// localImage is an image whose pull spec is not what it is called in local storage.
type localImage struct {
	name   string
	digest digest.Digest // of its own manifest
}

// inStorage puts what images are called in local storage into the Dockerfile.
func (u *Unit) inStorage() error {
	if len(u.local) == 0 {
		return nil
	}
	names := map[string]string{}
	for pullSpec, image := range u.local {
		names[pullSpec] = image.name
	}
	file, err := renamed(u.file, names)
	if err == nil {
		u.file = file
	}
	return err
}

// platformOf returns what an image is for, and whether that is what is built for. Of one that does not say so nothing
// is known.
func (m *prepared) platformOf(image builder.Image) (platform registry.Platform, matches bool, err error) {
	platform, err = platformOf(image.Config)
	return platform, platform.Architecture == "" || m.Reading.Platform().Matches(platform), err
}

// checkPlatform refuses a base that is for another platform: what is built on it would be as well, or what its
// programs make.
func (m *prepared) checkPlatform(image builder.Image, name string) error {
	platform, matches, err := m.platformOf(image)
	if err != nil || matches {
		return err
	}
	return fault.New(fault.Unresolved, otherBase,
		fmt.Errorf("the image is to be for %s, and its base %q is for %s", m.Reading.Platform(), name, platform))
}

// checkPrograms refuses a base whose ONBUILD instructions have steps that this machine does not run.
func (m *prepared) checkPrograms(u Unit, base builder.Image) error {
	triggers, err := base.Triggers()
	if err != nil || len(triggers) == 0 {
		return err
	}
	return m.storage.opened.CheckPrograms(u.Name, []byte("FROM scratch\n"+strings.Join(triggers, "\n")+"\n"))
}

// checkTriggers refuses a base whose ONBUILD instructions name an image: it would be taken from this machine's
// storage, where private ones may lie, or fetch something from a server that the Dockerfile does not name. It refuses
// those that ask for a secret, too: what they make of it would be recorded and shared, since the Dockerfile does not ask.
func checkTriggers(image builder.Image, name string) error {
	triggers, err := image.Triggers()
	if err != nil {
		return err
	}
	text := strings.Join(triggers, "\n") // as buildah reads them
	file, err := dockerfile.Parse([]byte("FROM scratch\n"+text+"\n"), nil)
	if err != nil || len(file.References) > 1 || slices.ContainsFunc(triggers, isOdd) ||
		slices.ContainsFunc(file.Notices, func(n dockerfile.Notice) bool { return n.Secret }) {
		return fault.Errorf(fault.Unresolved,
			"image %q has ONBUILD %q, which takes something from elsewhere into what is built on it", name, text)
	}
	return nil
}

// isOdd tells whether a trigger is not one instruction, or may fetch something from an address.
func isOdd(trigger string) bool {
	trigger = strings.TrimSpace(trigger)
	words := strings.Fields(trigger)
	return strings.ContainsAny(trigger, "\r\n") || strings.HasSuffix(trigger, "\\") ||
		strings.HasPrefix(trigger, "#") ||
		strings.Contains(trigger, "://") || len(words) > 0 && strings.EqualFold(words[0], "add") &&
		strings.ContainsAny(trigger, "$:")
}

// provide brings what stands for a base into local storage. For the base of the image itself it also returns the
// layers as a registry has them.
func (m *prepared) provide(ctx context.Context, u Unit, base plan.Base) (builder.Image, []Layer, error) {
	if made, ok := u.used[base.Built]; ok {
		image, err := m.storage.opened.Image(ctx, made.Stored)
		u.local[u.reference(base)] = localImage{name: made.Stored}
		return image, made.Layers, err
	}
	need, isBuilt := u.Needs[base.Built]
	pullSpec := base.PullSpec
	if isBuilt {
		pullSpec = need.Image.PullSpec
	}
	image, err := m.pull(ctx, u, pullSpec)
	if err != nil {
		return builder.Image{}, nil, err
	}
	if base.Peel != nil {
		if image, err = m.storage.opened.Peel(ctx, image, base.Peel.Layers, base.Peel.Config); err != nil {
			return builder.Image{}, nil, err
		}
	}
	switch {
	case !base.Final:
		return image, nil, nil
	case isBuilt:
		return image, need.Image.Layers, nil
	}
	described, err := m.Reading.Image(ctx, pullSpec)
	if err != nil {
		return builder.Image{}, nil, err
	}
	layers := baseLayers(described)
	if base.Peel != nil && len(layers) > base.Peel.Layers {
		layers = layers[:base.Peel.Layers]
	}
	return image, layers, nil
}
