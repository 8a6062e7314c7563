package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// remembered takes what an earlier run made with the same key.
type remembered struct {
	*shop
	next Maker
}

func (m remembered) Make(ctx context.Context, u Unit) (Image, error) {
	if u.takesSecrets() {
		return m.next.Make(ctx, u)
	}
	image, found, err := m.find(ctx, u)
	switch {
	case err != nil:
		return Image{}, err
	case !found:
		return m.next.Make(ctx, u)
	}
	m.Report.Report(u.Name, progress.Build, progress.Skipped, "nothing changed since it was built last")
	return image, nil
}

// find returns what an earlier run made. A helper has to be in local storage, too: what is built on it calls it by its
// ID there, which another build of it need not have.
func (m remembered) find(ctx context.Context, u Unit) (image Image, found bool, err error) {
	image, found = load(m.cached(cache.Builds), u.key, m.cached(cache.Blobs))
	if !found || u.Replaces() {
		return image, found, nil
	}
	b, err := m.open(ctx)
	if err != nil {
		return Image{}, false, err
	}
	_, err = b.Image(ctx, image.Stored)
	if errors.Is(err, builder.ErrNotFound) {
		return Image{}, false, nil
	}
	return image, err == nil, err
}

// takesSecrets tells whether a step asks for a secret, here or in an image that is only used and stands in the key by
// what it is made from. What it makes of that is in no key, so nothing of it is kept.
func (u *Unit) takesSecrets() bool {
	for _, need := range u.Needs {
		if !need.Unit.Replaces() && need.Unit.takesSecrets() {
			return true
		}
	}
	return slices.ContainsFunc(u.Recipe.File.Notices, func(n dockerfile.Notice) bool { return n.Secret })
}

// recording keeps what was made for later runs, unless the source may have been another one while it was made.
type recording struct {
	*shop
	next Maker
}

func (m recording) Make(ctx context.Context, u Unit) (Image, error) {
	image, err := m.next.Make(ctx, u)
	if err != nil || u.takesSecrets() {
		return image, err
	}
	changed, err := m.Sources.IsChanged(ctx, u.tree, u.Source.Read)
	wasUnsure := image.unsure
	image.unsure = wasUnsure || changed || err != nil
	switch {
	case err != nil:
	case changed:
		m.Report.Report(u.Name, progress.Build, progress.Warned,
			"%s was changed during the build: what was made is not kept for later runs", u.tree.Directory)
	case wasUnsure: // which was said of what it is built on
	default:
		if err = save(m.cached(cache.Builds), u.key, image); err == nil {
			err = m.mark(u.Source.Request)
		}
	}
	return image, err
}

// isMarked reports whether something was built of what a request for source names.
func (s *shop) isMarked(request gitsrc.Request) bool {
	_, err := os.Stat(s.markOf(request))
	return err == nil
}

// mark records that something was built of what a request for source names.
func (s *shop) mark(request gitsrc.Request) error {
	if err := os.WriteFile(s.markOf(request), nil, 0o600); err != nil {
		return fmt.Errorf("recording a build: %w", err)
	}
	return nil
}

// markOf is the file that stands for a request for source.
func (s *shop) markOf(request gitsrc.Request) string {
	sum := sha256.Sum256([]byte(request.Repository + "\x00" + request.Commit + "\x00" + request.Spec.String()))
	return s.cached(cache.Builds, "source-"+hex.EncodeToString(sum[:]))
}

// load returns the image that a build with this key made, if it is whole.
func load(directory, key, blobs string) (image Image, ok bool) {
	data, err := os.ReadFile(filepath.Join(directory, key+".json"))
	if err != nil {
		return Image{}, false
	}
	if err := json.Unmarshal(data, &image); err != nil || !image.complete(blobs) {
		return Image{}, false // a damaged record is no record
	}
	cache.Touch(filepath.Join(directory, key+".json"))
	for _, layer := range image.Layers {
		if layer.Base == "" {
			cache.Touch(blobPath(blobs, layer.Digest))
		}
	}
	return image, true
}

// save keeps an image under its key, whole or not at all.
func save(directory, key string, image Image) error {
	data, err := json.Marshal(image)
	if err != nil {
		return fmt.Errorf("recording a build: %w", err)
	}
	if err := regular.Replace(filepath.Join(directory, key+".json"), data, 0o600); err != nil {
		return fmt.Errorf("recording a build: %w", err)
	}
	return nil
}
