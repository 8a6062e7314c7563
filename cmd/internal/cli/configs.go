package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/bases"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/builddata"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
)

// defaultReleaseRepo is where CI keeps its configs.
const defaultReleaseRepo = "https://github.com/openshift/release"

// configs returns where ci-operator configs come from. Nothing is opened or fetched before the first one is looked for.
func (o *jobOptions) configs(sources *gitsrc.Store) (rebuild.Configs, func() error, error) {
	if o.recipe.configResolver != "" {
		if o.recipe.releaseRepo != "" {
			return nil, nil, fault.Errorf(fault.Usage, "--config-resolver and --release-repo exclude each other")
		}
		resolver, err := ciconfig.NewResolver(o.recipe.configResolver, nil)
		return resolver, func() error { return nil }, err
	}
	location := o.recipe.releaseRepo
	if location == "" {
		location = defaultReleaseRepo
	}
	r := &releaseRepo{sources: sources, location: location}
	return r, r.close, nil
}

// releaseRepo is openshift/release, opened when the first config is looked for.
type releaseRepo struct {
	sources  *gitsrc.Store
	location string

	mu       sync.Mutex
	revision *gitsrc.Revision
	tree     *ciconfig.Tree
	err      error
}

// open opens the configs once.
func (r *releaseRepo) open(ctx context.Context) (*ciconfig.Tree, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tree != nil || r.err != nil {
		return r.tree, r.err
	}
	revision, err := r.sources.ReleaseTree(ctx, r.location)
	if err != nil {
		advice := "--release-repo names openshift/release: a directory, DIR@REVISION or the URL of a git repository; --config takes a single file."
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
func (r *releaseRepo) Find(ctx context.Context, query ciconfig.Query) (ciconfig.Match, error) {
	tree, err := r.open(ctx)
	if err != nil {
		return ciconfig.Match{}, err
	}
	return tree.Find(ctx, query)
}

// Mirrored returns which public images CI mirrors under names of its own.
func (r *releaseRepo) Mirrored(ctx context.Context) (bases.Rules, error) {
	if _, err := r.open(ctx); err != nil {
		return nil, err
	}
	return bases.Mirrored(r.revision)
}

// Time returns when the revision that the configs come from was committed; zero where they come from no revision, or were not needed.
func (r *releaseRepo) Time() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.revision == nil || r.revision.Commit == "" {
		return time.Time{}
	}
	info, err := fs.Stat(r.revision, ".")
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// close closes what was opened.
func (r *releaseRepo) close() error {
	if r.revision == nil {
		return nil
	}
	return r.revision.Close()
}

// buildData opens the second opinion; nil where none is named. The function closes it.
func (o *jobOptions) buildData() (rebuild.BuildData, func() error, error) {
	if o.recipe.buildData == "" {
		return nil, func() error { return nil }, nil
	}
	root, err := os.OpenRoot(o.recipe.buildData)
	if err != nil {
		return nil, nil, fault.New(fault.Unresolved, "--build-data names a checkout of ocp-build-data.", fmt.Errorf("opening the build data: %w", err))
	}
	return builddata.Open(root.FS(), o.recipe.buildData), root.Close, nil
}
