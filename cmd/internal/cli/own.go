package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// workingTree is the clone that the program is run in.
type workingTree struct {
	top     string   // "" = it is run in none
	remotes []string // addresses as payloads have them
}

// here looks at the directory that the program is run in.
func (o *jobOptions) here() (tree workingTree, err error) {
	directory, err := os.Getwd()
	if err != nil {
		return workingTree{}, nil //nolint:nilerr // without a working directory there is no working tree
	}
	cacheDir, err := o.cache()
	if err != nil {
		return workingTree{}, err
	}
	store, err := gitsrc.Open(filepath.Join(cacheDir, "git"), gitsrc.Options{})
	if err != nil {
		return workingTree{}, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	tree.top, tree.remotes, err = store.Remotes(directory)
	return tree, err
}

// own names the components of the payload that are built from the repository that the program is run in, each with the
// working tree as its source. A fork that knows nothing of the repository it was made from is known by its name.
func (o *jobOptions) own(ctx context.Context, streams Streams, tree workingTree) (args []string, err error) {
	client, err := o.registry.first().client(streams.notice) // all of a list have the same components
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	release, err := payload.Open(ctx, client, o.release)
	if err != nil {
		return nil, err
	}
	names := tree.components(release, func(source, remote string) bool { return source == remote })
	if len(names) == 0 {
		names = tree.components(release,
			func(source, remote string) bool { return path.Base(source) == path.Base(remote) })
	}
	if len(names) == 0 {
		return nil, fault.New(fault.Usage,
			"Name what to rebuild: COMPONENT=DIR; `oc rebuild info` lists the components.",
			fmt.Errorf("no component of %s is built from the repository of %q (%s)", release.Name, tree.top,
				strings.Join(tree.remotes, ", ")))
	}
	for _, name := range names {
		args = append(args, name+"="+tree.top)
	}
	streams.once("Rebuilding what " + release.Name + " has from this repository: " + strings.Join(names, ", "))
	return args, nil
}

// components lists those of a payload whose source is like one of the remotes.
func (t workingTree) components(release *payload.Release, like func(source, remote string) bool) []string {
	var names []string
	for _, component := range release.Components() {
		for _, remote := range t.remotes {
			if component.Source != "" && like(strings.TrimSuffix(component.Source, ".git"), remote) {
				names = append(names, component.Name)
				break
			}
		}
	}
	return names
}
