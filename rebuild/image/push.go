package image

import (
	"context"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// pushed sends an image that becomes part of the payload to its repository. For an image of an earlier run the
// registry is asked first: it most likely has it.
type pushed struct {
	*shop
	next Maker
}

func (m pushed) Make(ctx context.Context, u Unit) (Image, error) {
	image, err := m.next.Make(ctx, u)
	if err != nil || !u.Replaces() {
		return image, err
	}
	made := image
	image, err = m.send(ctx, u, made)
	var lost *registry.ReadError
	if errors.As(err, &lost) && made.shared && ctx.Err() == nil {
		m.Report.Report(u.Name, progress.Push, progress.Warned, "what others built is not used: %v", lost)
		u.unshared = true
		return m.Make(ctx, u)
	}
	return image, err
}

// send pushes an image, unless its repository has it, and lets others find it.
func (m pushed) send(ctx context.Context, u Unit, image Image) (_ Image, err error) {
	defer m.Report.Start(u.Name, progress.Push)()
	image.PullSpec = u.Target + "@" + image.Digest().String()
	m.sent.Store(image.PullSpec, true)
	if image.Log == "" && Has(ctx, m.Pushing, image.PullSpec, image.Digest()) {
		m.Report.Report(u.Name, progress.Push, progress.Skipped, "%s is there", image.PullSpec)
		m.record(ctx, u, image, false)
		return image, nil
	}
	m.Report.Report(u.Name, progress.Push, progress.Started, "%s", u.Target)
	var sent int64
	if image.PullSpec, err = m.push(ctx, image, pushTag(u.Target, u.Name, image.Digest()),
		func(bytes int64) { sent += bytes }); err != nil {
		return Image{}, err
	}
	m.Report.Tell(progress.Event{Component: u.Name, Stage: progress.Push, State: progress.Done,
		Message: image.PullSpec, Bytes: sent})
	m.record(ctx, u, image, image.Log != "" && !m.NoCache)
	return image, nil
}

// Has reports whether a pull spec names an image of that digest. Whatever goes wrong in asking, a push will tell.
func Has(ctx context.Context, client *registry.Client, pullSpec string, sum digest.Digest) bool {
	named, err := client.Names(ctx, pullSpec) // and not at a mirror
	return err == nil && named == sum
}

// pushTag is the pull spec that a component's image is pushed to. A registry takes what has no tag for garbage, quay.io
// after an hour, though payloads name it by its digest.
func pushTag(repository, component string, sum digest.Digest) string {
	const most = 100 // bytes of a name; a tag has 128 at the most (OCI distribution specification)
	return repository + ":" + component[:min(len(component), most)] + "-" + sum.Encoded()[:12]
}

// push sends an image to a tag, blobs that are there already excepted, and its manifest last. It returns the pull spec
// by digest. sent hears of the bytes of each layer that is sent.
func (s *shop) push(ctx context.Context, image Image, ref string, sent func(int64)) (string, error) {
	target, err := s.Pushing.Target(ref)
	if err != nil {
		return "", err
	}
	reading := s.Reading
	if image.shared { // found with the account that pushes
		reading = s.Pushing
	}
	for _, layer := range image.Layers {
		blob := registry.Blob{Digest: layer.Digest, Size: layer.Size, MediaType: layer.Type}
		blob.Open = func(ctx context.Context) (io.ReadCloser, error) {
			sent(layer.Size)
			return openBlob(ctx, reading, layer, s.cached(cache.Blobs))
		}
		if err := target.Put(ctx, blob); err != nil {
			return "", err
		}
	}
	if err := target.Put(ctx, registry.Bytes(image.Config, image.configType())); err != nil {
		return "", err
	}
	sum, err := target.Commit(ctx, image.Manifest)
	if err != nil {
		return "", err
	}
	return target.Repository() + "@" + sum.String(), nil
}
