package image

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// Builds are recorded in a registry by their names: the image itself has a tag that is the key of what it was built
// from. So there is no record that could say something else than what is there, and no registry takes an image that
// has a tag for garbage.

// resultTag is the pull spec under which others find what was built with a key. "build-" keeps it apart from whatever
// else the repository has.
func resultTag(repository, key string) string { return repository + ":build-" + key }

// shared takes what anybody made with the same key and tagged in the repository of Options.Results. Who may write
// there decides what is taken: see docs/security.md.
type shared struct {
	*shop
	next Maker
}

func (m shared) Make(ctx context.Context, u Unit) (Image, error) {
	if m.Results == "" || !u.Replaces() { // what is not pushed cannot be found by others
		return m.next.Make(ctx, u)
	}
	image, found, err := m.look(ctx, u.key)
	switch {
	case ctx.Err() != nil:
		return Image{}, context.Cause(ctx)
	case err != nil:
		m.Report.Report(u.Name, progress.Build, progress.Warned, "what others built is not used: %v", err)
	case found:
		m.Report.Report(u.Name, progress.Build, progress.Skipped, "%s was built of the same", image.Layers[0].Base)
		return image, nil
	}
	return m.next.Make(ctx, u)
}

// look takes an image from a registry as if it had been built here. What a payload says of it is left to be read from
// the registry.
func (s *shop) look(ctx context.Context, key string) (_ Image, found bool, err error) {
	sum, err := s.Pushing.Names(ctx, resultTag(s.Results, key))
	if err != nil || sum == "" {
		return Image{}, false, err
	}
	there, err := s.Pushing.Image(ctx, s.Results+"@"+sum.String())
	if err != nil {
		return Image{}, false, err
	}
	if there.ListDigest != "" || len(there.Layers) == 0 || len(there.Layers) != len(there.Config.RootFS.DiffIDs) {
		return Image{}, false, fmt.Errorf("%s is no image that a build makes", resultTag(s.Results, key))
	}
	image := Image{Manifest: there.Manifest, Config: there.ConfigBlob, shared: true}
	for i, layer := range there.Layers {
		image.Layers = append(image.Layers, Layer{Type: layer.MediaType, Digest: layer.Digest, Size: layer.Size,
			DiffID: there.Config.RootFS.DiffIDs[i], Base: there.PullSpec()})
	}
	return image, true, nil
}

// record lets others find an image that was pushed, unless it was found there. isNew says that it is not there yet.
// That it cannot be written is no reason to fail: the image was built and pushed.
func (s *shop) record(ctx context.Context, u Unit, image Image, isNew bool) {
	if s.Results == "" || image.shared {
		return
	}
	tag := resultTag(s.Results, image.key)
	var there digest.Digest
	var err error
	if !isNew {
		there, err = s.Pushing.Names(ctx, tag)
	}
	if err == nil && there != image.Digest() {
		_, err = s.push(ctx, image, tag, func(int64) {})
	}
	if err != nil && ctx.Err() == nil {
		s.Report.Report(u.Name, progress.Push, progress.Warned, "others do not find what was built: %v", err)
	}
}
