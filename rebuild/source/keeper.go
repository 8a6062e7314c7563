// Package source keeps the source of what a run builds: brought to this machine once, digested, and watched for
// changes meanwhile.
package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/once"
	"github.com/oc-rebuild/oc-rebuild/rebuild/osimage"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// Store brings the source of a component to this machine.
type Store interface {
	Fetch(ctx context.Context, request gitsrc.Request, directory string) (gitsrc.Tree, error)
	// its files, not checked out
	View(ctx context.Context, request gitsrc.Request) (*gitsrc.Revision, gitsrc.Tree, error)
	WriteHead(ctx context.Context, tree gitsrc.Tree, directory string) error // of a local tree, as a checkout's
	// OnBranch reports whether a branch of the repository contains the commit.
	OnBranch(ctx context.Context, repository, commit string, branches ...string) (bool, error)
}

// Keeper has the source of everything that a run builds. What is asked for again is there already: two components of
// one repository share a checkout.
type Keeper struct {
	Store
	*Known    // of working trees
	directory string
	report    *progress.Reporter

	trees once.Map[gitsrc.Tree]    // by the request
	os    once.Map[osimage.Recipe] // by component
	next  atomic.Int64
}

// NewKeeper puts checkouts below a directory, which is its caller's to remove. known may be nil.
func NewKeeper(store Store, known *Known, directory string, report *progress.Reporter) *Keeper {
	return &Keeper{Store: store, Known: known, directory: directory, report: report}
}

// Look opens the source of a component without a checkout. Close the revision.
func (k *Keeper) Look(ctx context.Context, component string, request gitsrc.Request) (*gitsrc.Revision,
	gitsrc.Tree, error) {
	defer k.report.Start(component, progress.Fetch)()
	k.report.Report(component, progress.Fetch, progress.Started, "%s", describe(request))
	revision, tree, err := k.View(k.heard(ctx, component), request)
	if err == nil {
		k.report.Report(component, progress.Fetch, progress.Done, "%s at %s", tree.Repository, tree.Commit)
	}
	return revision, tree, err
}

// Checkout puts the files of a component's source into place; a local tree is taken as it is.
func (k *Keeper) Checkout(ctx context.Context, component string, request gitsrc.Request) (gitsrc.Tree, error) {
	key, err := json.Marshal(request)
	if err != nil {
		return gitsrc.Tree{}, fmt.Errorf("describing the source: %w", err)
	}
	return k.trees.Do(string(key), func() (gitsrc.Tree, error) {
		return k.checkOut(ctx, component, request, k.place("source-"))
	})
}

// Pack writes the local tree that a request names to an archive, from which Unpack makes the source of a request on
// another machine.
func (k *Keeper) Pack(ctx context.Context, component string, request gitsrc.Request, w io.Writer) (gitsrc.Tree, error) {
	tree, err := k.Checkout(ctx, component, request)
	if err != nil {
		return gitsrc.Tree{}, err
	}
	git := k.place("git-")
	if err := os.Mkdir(git, 0o755); err != nil {
		return gitsrc.Tree{}, fmt.Errorf("packing the source: %w", err)
	}
	if err := k.WriteHead(ctx, tree, git); err != nil {
		return gitsrc.Tree{}, err
	}
	return tree, errors.Join(Pack(ctx, w, tree.Directory, tree.LeftOut(), git), os.RemoveAll(git))
}

// Unpack makes what a local tree was packed into the source of a request, which it returns. Nothing is read from the
// directory that the tree had. open returns the archive.
func (k *Keeper) Unpack(ctx context.Context, tree gitsrc.Tree, archive digest.Digest,
	open func() (io.ReadCloser, error)) (gitsrc.Request, gitsrc.Tree, error) {
	directory := filepath.Join(k.directory, "unpacked", archive.Encoded())
	request := gitsrc.Request{Repository: tree.Repository, Commit: tree.Commit,
		Spec: gitsrc.Spec{Kind: gitsrc.Local, Path: directory}}
	key, err := json.Marshal(request)
	if err != nil {
		return gitsrc.Request{}, gitsrc.Tree{}, fmt.Errorf("describing the source: %w", err)
	}
	tree, err = k.trees.Do(string(key), func() (gitsrc.Tree, error) {
		tree.Directory = directory
		stream, err := open()
		if err != nil {
			return gitsrc.Tree{}, err
		}
		defer stream.Close()
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return gitsrc.Tree{}, fmt.Errorf("unpacking the source: %w", err)
		}
		return tree, Unpack(ctx, stream, directory)
	})
	return request, tree, err
}

// heard returns a context with which fetches are told of as the component's.
func (k *Keeper) heard(ctx context.Context, component string) context.Context {
	return gitsrc.WithProgress(ctx, func(event gitsrc.Event) {
		k.report.Tell(progress.Event{Component: component, Stage: progress.Fetch, State: progress.Running,
			Message: event.Repository + ": " + event.Message, Bytes: event.Bytes})
	})
}

// place names a new directory.
func (k *Keeper) place(prefix string) string {
	return filepath.Join(k.directory, prefix+strconv.FormatInt(k.next.Add(1), 10))
}

func (k *Keeper) checkOut(ctx context.Context, component string, request gitsrc.Request,
	directory string) (gitsrc.Tree, error) {
	defer k.report.Start(component, progress.Fetch)()
	k.report.Report(component, progress.Fetch, progress.Started, "%s", describe(request))
	tree, err := k.Fetch(k.heard(ctx, component), request, directory)
	if err != nil {
		return gitsrc.Tree{}, err
	}
	what := tree.Repository + " at " + tree.Commit
	switch {
	case tree.Commit == "":
		what = tree.Repository + ", of no commit"
	case tree.Dirty:
		what += ", with changes"
	}
	k.report.Report(component, progress.Fetch, progress.Done, "%s", what)
	if len(tree.Empty) > 0 {
		k.report.Report(component, progress.Fetch, progress.Warned, "submodules are not checked out: %q; CI's clone has "+
			"them. To build with their files, run `git submodule update --init --recursive`", tree.Empty)
	}
	return tree, k.warnOfPointers(ctx, component, tree)
}

// describe says in a few words what is about to be fetched.
func describe(request gitsrc.Request) string {
	if request.Spec.Kind == gitsrc.Payload {
		return request.Repository + " at " + request.Commit
	}
	return request.Spec.String()
}

// OSImage makes the build context of an operating system image that is changed.
func (k *Keeper) OSImage(base osimage.Base, changes osimage.Changes) (osimage.Recipe, error) {
	return k.os.Do(base.Name, func() (osimage.Recipe, error) {
		directory := k.place("os-")
		if err := os.Mkdir(directory, 0o755); err != nil {
			return osimage.Recipe{}, fmt.Errorf("preparing the build context: %w", err)
		}
		return osimage.New(directory, base, changes)
	})
}

// IsLive reports whether somebody else may change the files of a tree: a checkout of the keeper's nobody does.
func (k *Keeper) IsLive(tree gitsrc.Tree) bool {
	return !tree.IsExact() && !strings.HasPrefix(tree.Directory, k.directory+string(filepath.Separator))
}
