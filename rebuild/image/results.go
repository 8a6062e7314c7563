package image

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// Builds are recorded in a registry by their names: the image itself has a tag that is the key of what it was built
// from. So there is no record that could say something else than what is there, and no registry takes an image that
// has a tag for garbage.

// resultTag is the pull spec under which others find what was built with a key. "build-" keeps it apart from whatever
// else the repository has.
func resultTag(repository, key string) string { return repository + ":" + resultPrefix + key }

const resultPrefix = "build-"

// parallelResults is how many results are looked at at once.
const parallelResults = 8

// ForgetResults removes from a repository of results the tags of images that were made of commits from before a time:
// what was built is only as old as its source, and a registry does not tell when a tag was written. The images
// themselves stay, since payloads may name them: the registry removes them in its own time where nothing does. It
// returns what was removed, also with an error.
func ForgetResults(ctx context.Context, client *registry.Client, repository string,
	before time.Time) ([]cache.Entry, error) {
	tags, err := client.Tags(ctx, repository)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var removed []cache.Entry
	var failures []error
	var group errgroup.Group
	group.SetLimit(parallelResults)
	for _, tag := range tags {
		if !strings.HasPrefix(tag, resultPrefix) { // it is not ours alone
			continue
		}
		group.Go(func() error {
			entry, err := forgetResult(ctx, client, repository+":"+tag, before)
			mu.Lock()
			defer mu.Unlock()
			if failures = append(failures, err); entry.Path != "" {
				entry.Name = tag
				removed = append(removed, entry)
			}
			return nil // one that cannot be removed does not keep the others
		})
	}
	err = errors.Join(group.Wait(), errors.Join(failures...))
	slices.SortFunc(removed, func(a, b cache.Entry) int { return strings.Compare(a.Name, b.Name) })
	return removed, err
}

// forgetResult removes a tag if its image was made of a commit from before a time; the entry has no path where not.
func forgetResult(ctx context.Context, client *registry.Client, pullSpec string,
	before time.Time) (cache.Entry, error) {
	there, err := client.Image(ctx, pullSpec)
	if err != nil || there.Config.Created.IsZero() || !there.Config.Created.Before(before) {
		return cache.Entry{}, err
	}
	return cache.Entry{Kind: "results", Path: pullSpec, LastUsed: there.Config.Created}, client.Untag(ctx, pullSpec)
}

// shared takes what anybody made with the same key and tagged in the repository of Options.Results. Who may write
// there decides what is taken: see docs/security.md.
type shared struct {
	*shop
	next Maker
}

func (m shared) Make(ctx context.Context, u Unit) (Image, error) {
	// what is not pushed cannot be found by others
	if m.Results == "" || !u.Replaces() || u.takesSecrets() || u.unshared || m.silent.Load() {
		return m.next.Make(ctx, u)
	}
	began := time.Now()
	image, found, err := m.look(ctx, u.key)
	if err != nil {
		m.waited(began)
	}
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

// tooLong is how long a repository of results may let a run wait for an error, before it is left alone.
const tooLong = time.Minute

// waited ends the use of the repository of results where it took too long: other components would wait for it, too.
func (s *shop) waited(since time.Time) {
	if time.Since(since) > tooLong {
		s.silent.Store(true)
	}
}

// look finds what others built with a key.
func (s *shop) look(ctx context.Context, key string) (_ Image, found bool, err error) {
	sum, err := s.Pushing.Names(ctx, resultTag(s.Results, key))
	if err != nil || sum == "" {
		return Image{}, false, err
	}
	image, err := take(ctx, s.Pushing, s.Results+"@"+sum.String())
	if err == nil {
		err = image.CheckPlatform(s.Reading.Platform())
	}
	return image, err == nil, err
}

// take describes an image of a registry as if it had been built here. What a payload says of it is left to be read from
// the registry.
func take(ctx context.Context, client *registry.Client, pullSpec string) (Image, error) {
	there, err := client.Image(ctx, pullSpec)
	if err != nil {
		return Image{}, err
	}
	layers := layersOf(there)
	if there.ListDigest != "" || len(layers) == 0 {
		return Image{}, fmt.Errorf("%q is no image that a build makes", pullSpec)
	}
	return Image{Manifest: there.Manifest, Config: there.ConfigBlob, Layers: layers, PullSpec: there.PullSpec(),
		shared: true}, nil
}

// Given returns a component of a plan that was built and pushed elsewhere.
func (c *Chain) Given(ctx context.Context, component plan.Component, pullSpec string) (Need, error) {
	image, err := take(ctx, c.shop.Reading, pullSpec)
	if err != nil {
		return Need{}, fmt.Errorf("%s %q: %w", component.Noun(), component.Name, err)
	}
	return Need{Unit: Unit{Component: component}, Image: image}, nil
}

// record lets others find an image that was pushed, unless it was found there. isNew says that it is not there yet.
// That it cannot be written is no reason to fail: the image was built and pushed.
func (s *shop) record(ctx context.Context, u Unit, image Image, isNew bool) {
	if s.Results == "" || image.shared || image.unsure || u.takesSecrets() || s.silent.Load() {
		return
	}
	began := time.Now()
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
		s.waited(began)
		s.Report.Report(u.Name, progress.Push, progress.Warned, "others do not find what was built: %v", err)
	}
}
