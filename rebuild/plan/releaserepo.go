package plan

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/bases"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// ReleaseRepo is openshift/release, opened when the first config is looked for. It implements Configs.
type ReleaseRepo struct {
	sources  *gitsrc.Store
	location string

	mu       sync.Mutex
	revision *gitsrc.Revision
	tree     *ciconfig.Tree
	err      error
}

// NewReleaseRepo returns the configs at a location, as Store.ReleaseTree takes it. Nothing is opened or fetched yet.
func NewReleaseRepo(sources *gitsrc.Store, location string) *ReleaseRepo {
	return &ReleaseRepo{sources: sources, location: location}
}

// open opens the configs once.
func (r *ReleaseRepo) open(ctx context.Context) (*ciconfig.Tree, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tree != nil || r.err != nil {
		return r.tree, r.err
	}
	revision, err := r.sources.ReleaseTree(ctx, r.location)
	if err != nil {
		advice := "--release-repo names openshift/release: a directory, DIR@REVISION or the URL of a git repository; " +
			"--config takes a single file."
		if better := fault.AdviceOf(err); better != "" {
			advice = better
		}
		kind := fault.KindOf(err)
		if kind == fault.Other { // a server that cannot be reached: configs are an input that cannot be resolved
			kind = fault.Unresolved
		}
		r.err = fault.New(kind, advice, fmt.Errorf("opening the ci-operator configs of %q: %w", r.location, err))
		return nil, r.err
	}
	r.revision, r.tree = revision, ciconfig.Open(revision, revision.Origin)
	return r.tree, nil
}

// Find finds the config that promotes a component.
func (r *ReleaseRepo) Find(ctx context.Context, query ciconfig.Query) (ciconfig.Match, error) {
	tree, err := r.open(ctx)
	if err != nil {
		return ciconfig.Match{}, err
	}
	return tree.Find(ctx, query)
}

// Mirrored returns which public images CI mirrors under names of its own.
func (r *ReleaseRepo) Mirrored(ctx context.Context) (bases.Rules, error) {
	if _, err := r.open(ctx); err != nil {
		return nil, err
	}
	return bases.Mirrored(r.revision)
}

// Time returns when the revision that the configs come from was committed; zero where they come from no revision, or
// were not needed.
func (r *ReleaseRepo) Time() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.revision == nil {
		return time.Time{}
	}
	return r.revision.Time
}

// Close closes what was opened.
func (r *ReleaseRepo) Close() error {
	if r.revision == nil {
		return nil
	}
	return r.revision.Close()
}
