package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/watch"
)

// quiet is how long nothing may change before the next round begins.
const quiet = 300 * time.Millisecond

// follow does something again whenever a local source changes, until its context ends. A round that fails is reported,
// and the next change starts another.
func (o *jobOptions) follow(ctx context.Context, streams Streams, request plan.Request,
	round func() error) (err error) {
	directories, err := localSources(request)
	if err != nil {
		return err
	}
	cacheDir, err := o.cache()
	if err != nil {
		return err
	}
	store, err := gitsrc.Open(filepath.Join(cacheDir, "git"), gitsrc.Options{Ignored: o.recipe.withIgnored})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	sources := followed{store: store, directories: directories}
	if sources.last, err = sources.look(ctx); err != nil {
		return err
	}
	if sources.watcher, err = watch.Open(trees(sources.last)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sources.watcher.Close()) }()
	for {
		err := round()
		switch {
		case ctx.Err() != nil && err != nil:
			return stopped(ctx, streams, "Stopped watching in the middle of a round, which was not finished.")
		case err != nil:
			display.Error(streams.Err, err, o.output.color)
		}
		if !o.output.isQuiet() {
			fmt.Fprintf(streams.Err, "watching %s; Ctrl-C ends\n", plain.Line(strings.Join(directories, ", ")))
		}
		changed, err := sources.wait(ctx)
		if ctx.Err() != nil {
			return stopped(ctx, streams, "Stopped watching.")
		}
		if err != nil {
			return err
		}
		if !o.output.isQuiet() {
			streams.notice(time.Now().Format(time.TimeOnly) + " changed: " + plain.Line(changed))
		}
	}
}

// stopped ends a watch, which is no failure where the user ended it.
func stopped(ctx context.Context, streams Streams, text string) error {
	if cause := context.Cause(ctx); errors.Is(cause, errUnread) {
		return cause
	}
	streams.notice(text)
	return nil
}

// followed are the local sources of a watch.
type followed struct {
	store       *gitsrc.Store
	directories []string
	watcher     *watch.Watcher
	last        []followedTree // as they were before the round, so that what changes during it is noticed after it
}

// followedTree is one of them: what to watch, and what git says of it that builds are told.
type followedTree struct {
	watch.Tree
	state gitState
}

// gitState is what changes the labels of an image though no file changes. Whether the tree is dirty is no part of it:
// that is a matter of files, and an editor's swap file alone should not begin a round.
type gitState struct {
	commit, ref, tag string
	heads            map[string]string // of submodules
}

func (s gitState) equal(other gitState) bool {
	return s.commit == other.commit && s.ref == other.ref && s.tag == other.tag && maps.Equal(s.heads, other.heads)
}

// wait returns when a build would see something new, and says what.
func (f *followed) wait(ctx context.Context) (changed string, err error) {
	for {
		change, err := f.watcher.Wait(ctx, quiet)
		if err != nil {
			return "", err
		}
		now, err := f.look(ctx)
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if err != nil {
			return "what git cannot read", nil // the round will say why
		}
		before := f.last
		f.last = now
		if err := f.watcher.Update(trees(now)); err != nil {
			return "", err
		}
		if f.watcher.Visible(change) {
			return f.describe(f.watcher.Files(change)), nil
		}
		if change.Git() && !slices.EqualFunc(before, now, func(a, b followedTree) bool { return a.state.equal(b.state) }) {
			return "the commit, its branch or its tag", nil
		}
	}
}

// maxChanged is how many files are named that changed.
const maxChanged = 3

// describe names files that changed, relative to their trees.
func (f *followed) describe(files []string) string {
	if len(files) == 0 {
		return "more than could be followed"
	}
	var names []string
	for _, file := range files[:min(len(files), maxChanged)] {
		for _, tree := range f.last {
			if name, err := filepath.Rel(tree.Directory, file); err == nil && filepath.IsLocal(name) {
				file = name
				break
			}
		}
		names = append(names, file)
	}
	text := strings.Join(names, ", ")
	if more := len(files) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// localSources returns the directories that components are built from.
func localSources(request plan.Request) ([]string, error) {
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
		return nil, fault.New(fault.Usage, "Name a directory: COMPONENT=./DIR.",
			errors.New("--watch: no component has a local source"))
	}
	return directories, nil
}

// look asks git about the sources. It writes nothing, not even the index.
func (f *followed) look(ctx context.Context) ([]followedTree, error) {
	var found []followedTree
	for _, directory := range f.directories {
		revision, tree, err := f.store.View(ctx, gitsrc.Request{Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: directory}})
		if err != nil {
			return nil, err
		}
		if err := revision.Close(); err != nil {
			return nil, err
		}
		found = append(found, followedTree{
			Tree:  watch.Tree{Directory: tree.Directory, Ignored: tree.Ignored, Git: tree.Git},
			state: gitState{tree.Commit, tree.Ref, tree.Tag, tree.Heads},
		})
	}
	return found, nil
}

// trees are what there is to watch.
func trees(sources []followedTree) []watch.Tree {
	var list []watch.Tree
	for _, source := range sources {
		list = append(list, source.Tree)
	}
	return list
}
