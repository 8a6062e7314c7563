package rebuild

import (
	"context"
	"errors"
	"fmt"

	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// reference is what a Dockerfile says for a base: a pull spec by digest, or the name of an image in local storage.
func (b *base) reference(all *outcomes) string {
	switch {
	case b.built != nil && b.built.replaces():
		return all.get(b.built).pullSpec
	case b.built != nil:
		return all.get(b.built).artifact.Stored
	case b.peeled != nil:
		return b.peeled.id()
	}
	return b.chosen
}

// pullBases brings every base into local storage and returns them, and the layers of the one that the image itself is built on.
func (j *Job) pullBases(ctx context.Context, u *unit, all *outcomes) (images map[*base]builder.Image, layers []artifactLayer, err error) {
	defer j.clock.start(u.target.Name, StagePull)()
	images = map[*base]builder.Image{}
	for _, b := range u.bases {
		image, described, err := j.provide(ctx, u, b, all)
		if err != nil {
			return nil, nil, err
		}
		images[b] = image
		if b.Final {
			layers = described
		}
	}
	return images, layers, nil
}

// provide brings what stands for a base into local storage. For the base of the image itself it also returns the layers as a registry
// has them.
func (j *Job) provide(ctx context.Context, u *unit, b *base, all *outcomes) (builder.Image, []artifactLayer, error) {
	if b.built != nil && !b.built.replaces() {
		made := all.get(b.built)
		image, err := j.localImage(ctx, b.built, all)
		return image, made.artifact.Layers, err
	}
	pullSpec := b.chosen
	if b.built != nil {
		pullSpec = all.get(b.built).pullSpec
	}
	image, err := j.builder.pull(ctx, pullSpec, func() { j.report(u.target.Name, StagePull, Started, "%s", pullSpec) })
	if err != nil {
		return builder.Image{}, nil, fmt.Errorf("%s %q: %w", u.noun(), u.target.Name, j.Reading.Explain(err, "pulling", pullSpec))
	}
	if b.peeled != nil {
		if image, err = j.builder.opened.Peel(ctx, image, b.peeled.layers, b.peeled.config); err != nil {
			return builder.Image{}, nil, fmt.Errorf("%s %q: %w", u.noun(), u.target.Name, err)
		}
	}
	if !b.Final {
		return image, nil, nil
	}
	if b.built != nil {
		return image, all.get(b.built).artifact.Layers, nil
	}
	described, err := j.Reading.Image(ctx, pullSpec)
	if err != nil {
		return builder.Image{}, nil, fmt.Errorf("%s %q: %w", u.noun(), u.target.Name, err)
	}
	layers := baseLayers(described)
	if b.peeled != nil && len(layers) > b.peeled.layers {
		layers = layers[:b.peeled.layers]
	}
	return image, layers, nil
}

// localImage returns the image of a helper. One that an earlier run made, and that has gone from local storage since, is made again.
func (j *Job) localImage(ctx context.Context, u *unit, all *outcomes) (builder.Image, error) {
	u.making.Lock()
	defer u.making.Unlock()
	b, err := j.open(ctx)
	if err != nil {
		return builder.Image{}, err
	}
	image, err := b.Image(ctx, all.get(u).artifact.Stored)
	if !errors.Is(err, builder.ErrNotFound) {
		return image, err
	}
	file, err := u.render(func(b *base) string { return b.reference(all) })
	if err != nil {
		return builder.Image{}, fmt.Errorf("image %q: %w", u.target.Name, err)
	}
	key, err := j.buildKey(ctx, u, file, all)
	if err != nil {
		return builder.Image{}, fmt.Errorf("image %q: %w", u.target.Name, err)
	}
	made, log, err := j.make(ctx, u, file, key, all, false)
	if err != nil {
		return builder.Image{}, err
	}
	all.set(u, &built{artifact: made, log: log})
	return b.Image(ctx, made.Stored)
}
