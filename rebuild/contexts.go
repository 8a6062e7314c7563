package rebuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/copytree"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// pieces lists what the build context of a unit is made of. A unit that takes nothing at all from the source has an empty one.
func (u *unit) pieces() []ciconfig.Context { return u.recipe.Contexts() }

// plainContext returns the directory of the source that is the whole build context, where it is one.
func (u *unit) plainContext() (directory string, ok bool) {
	pieces := u.pieces()
	if len(pieces) != 1 || pieces[0].Destination != "." {
		return "", false
	}
	inside, contents := strings.CutSuffix(pieces[0].Checkout, "/.")
	return inside, contents
}

// exact reports whether the commit says all about the files of the source.
func (u *unit) exact() bool {
	return u.tree.Kind != gitsrc.Local && !u.tree.Dirty && u.tree.Commit != ""
}

// contextKey stands for what a build can see of its context, without putting it together. A commit says all about its files; only of trees
// that differ from theirs every file is read.
func (u *unit) contextKey(ctx context.Context, all *outcomes) (string, error) {
	exact := u.exact()
	if directory, ok := u.plainContext(); ok {
		if exact {
			return "commit " + u.tree.Commit + " " + directory, nil
		}
		if path.Clean(directory) == "." && u.digest != "" {
			return u.digest, nil
		}
		return digestTree(ctx, filepath.Join(u.tree.Directory, directory), u.ignoredBelow(directory))
	}
	type piece struct{ From, Source, Destination string }
	list := []piece{}
	for _, one := range u.pieces() {
		p := piece{"", one.Source, one.Destination}
		switch {
		case one.Checkout == "":
			p.From = u.file(one.Image).reference(all)
		case exact:
			p.From, p.Source = "commit "+u.tree.Commit, one.Checkout
		default:
			sum, err := digestPiece(ctx, u.tree.Directory, strings.TrimSuffix(one.Checkout, "/."), u.tree.Ignored)
			if err != nil {
				return "", err
			}
			p.From, p.Source = sum, one.Checkout
		}
		list = append(list, p)
	}
	data, err := json.Marshal(list)
	return string(data), err
}

// digestPiece digests a directory of the source, or the directory that holds a file.
func digestPiece(ctx context.Context, directory, name string, ignored []string) (string, error) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return "", fmt.Errorf("reading the source: %w", err)
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return "", fault.New(fault.Unresolved, "", fmt.Errorf("reading the source: %w", err))
	}
	if !info.IsDir() {
		name = path.Dir(name)
	}
	return digestTree(ctx, filepath.Join(directory, name), below(ignored, name))
}

// ignoredBelow lists the ignored paths of the source that lie in one of its directories, relative to that.
func (u *unit) ignoredBelow(directory string) []string { return below(u.tree.Ignored, directory) }

// below returns the paths that lie in a directory, relative to it.
func below(paths []string, directory string) []string {
	if directory = path.Clean(directory); directory == "." {
		return paths
	}
	var list []string
	for _, one := range paths {
		if rest, ok := strings.CutPrefix(one, directory+"/"); ok {
			list = append(list, rest)
		}
	}
	return list
}

// assembleContext returns the directory that COPY reads from. Where it is more than a directory of the source, it is put together in a
// new one, in the order in which CI copies; the function it returns removes that.
func (j *Job) assembleContext(ctx context.Context, b *builder.Builder, u *unit, all *outcomes) (string, func(), error) {
	nothing := func() {}
	if err := checkContext(u); err != nil {
		return "", nothing, err
	}
	if directory, ok := u.plainContext(); ok {
		return filepath.Join(u.tree.Directory, directory), nothing, nil
	}
	directory, err := os.MkdirTemp(j.scratch, "context-")
	if err != nil {
		return "", nothing, fmt.Errorf("making the build context: %w", err)
	}
	remove := func() { _ = os.RemoveAll(directory) } // scratch is removed at the end in any case
	for _, piece := range u.pieces() {
		if err := j.copyPiece(ctx, b, u, piece, directory, all); err != nil {
			remove()
			return "", nothing, fmt.Errorf("making the build context: %w", err)
		}
	}
	return directory, remove, nil
}

// copyPiece copies one piece of the context to its place.
func (j *Job) copyPiece(ctx context.Context, b *builder.Builder, u *unit, piece ciconfig.Context, directory string, all *outcomes) error {
	target, err := os.OpenRoot(directory)
	if err != nil {
		return err
	}
	defer target.Close()
	if piece.Checkout == "" {
		image, _, err := j.provide(ctx, u, u.file(piece.Image), all)
		if err != nil {
			return err
		}
		return b.CopyOut(ctx, image, piece.Source, target, piece.Destination)
	}
	source, err := os.OpenRoot(u.tree.Directory)
	if err != nil {
		return err
	}
	defer source.Close()
	name, contents := strings.CutSuffix(piece.Checkout, "/.")
	as := piece.Destination
	if !contents {
		as = path.Join(as, path.Base(name))
	}
	return copytree.Copy(ctx, source, filepath.FromSlash(name), target, filepath.FromSlash(as))
}

// checkContext makes sure that what the build context takes from the source lies inside it, symbolic links followed.
func checkContext(u *unit) error {
	root, err := os.OpenRoot(u.tree.Directory)
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	defer root.Close()
	for _, piece := range u.pieces() {
		if piece.Checkout == "" {
			continue
		}
		name, contents := strings.CutSuffix(piece.Checkout, "/.")
		info, err := root.Stat(filepath.Clean(name))
		if err == nil && contents && !info.IsDir() {
			err = errors.New("not a directory")
		}
		if err != nil {
			return fault.New(fault.Unresolved, "--context-dir says where it is.", fmt.Errorf("build context %q: %w", name, err))
		}
	}
	return nil
}
