package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/watch"
)

// quiet is how long nothing may change before the next round begins.
const quiet = 300 * time.Millisecond

// follow does the main job again whenever a local source changes, until its context ends. A round that fails is reported, and the next
// change starts another.
func (o *rebuildOptions) follow(ctx context.Context, streams Streams, request rebuild.Request) (err error) {
	directories, err := localSources(request)
	if err != nil {
		return err
	}
	cacheDir, err := o.cache()
	if err != nil {
		return err
	}
	store, err := gitsrc.Open(filepath.Join(cacheDir, "git"), gitsrc.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	trees, err := look(ctx, store, directories)
	if err != nil {
		return err
	}
	watcher, err := watch.Open(trees)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watcher.Close()) }()
	for {
		if err := o.once(ctx, streams, request); err != nil && ctx.Err() == nil {
			printError(streams.Err, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if trees, err := look(ctx, store, directories); err == nil { // a tree that git cannot read just now keeps its old list
			watcher.Ignore(trees)
		}
		if !o.output.quiet {
			fmt.Fprintf(streams.Err, "watching %s; Ctrl-C ends\n", plain.Line(strings.Join(directories, ", ")))
		}
		if err := watcher.Wait(ctx, quiet); err != nil {
			return err
		}
	}
}

// localSources returns the directories that components are built from.
func localSources(request rebuild.Request) ([]string, error) {
	var directories []string
	for _, target := range request.Targets {
		spec, err := gitsrc.Parse(target.Source)
		if err != nil {
			return nil, err
		}
		if spec.Kind == gitsrc.Local {
			directories = append(directories, spec.Path)
		}
	}
	if directories == nil {
		return nil, fault.New(fault.Usage, "Name a directory: COMPONENT=./DIR.", errors.New("--watch: no component has a local source"))
	}
	return directories, nil
}

// look finds what git ignores in the directories.
func look(ctx context.Context, store *gitsrc.Store, directories []string) ([]watch.Tree, error) {
	var trees []watch.Tree
	for _, directory := range directories {
		revision, tree, err := store.View(ctx, gitsrc.Request{Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: directory}})
		if err != nil {
			return nil, err
		}
		if err := revision.Close(); err != nil {
			return nil, err
		}
		trees = append(trees, watch.Tree{Directory: tree.Directory, Ignored: tree.Ignored})
	}
	return trees, nil
}
