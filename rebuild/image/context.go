package image

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
	"github.com/oc-rebuild/oc-rebuild/internal/copytree"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// plainContext returns the directory of the source that is the whole build context, where it is one.
func (u *Unit) plainContext() (directory string, ok bool) {
	pieces := u.Recipe.Contexts
	if len(pieces) != 1 || pieces[0].Destination != "." {
		return "", false
	}
	inside, contents := strings.CutSuffix(pieces[0].Checkout, "/.")
	return inside, contents
}

// hidden lists what the build context of a working tree has and CI's checkout would not: what git ignores there,
// among it whatever the user keeps out of git for good reasons.
func (u *Unit) hidden() []string {
	directory, ok := u.plainContext()
	if !ok {
		return nil
	}
	return source.Below(u.tree.Ignored, directory)
}

// isSource reports whether the unit is CI's src: a clone on the build root, which has what .dockerignore names, too.
func (u *Unit) isSource() bool { return u.Recipe.Image == "src" }

// contextKey stands for what a build can see of its context, without putting it together. A commit says all about its
// files; only of trees that differ from theirs every file is read.
func (u *Unit) contextKey(ctx context.Context, known *source.Known) (string, error) {
	exact := u.tree.IsExact()
	if directory, ok := u.plainContext(); ok {
		if exact {
			return "commit " + u.tree.Commit + " " + directory, nil
		}
		if path.Clean(directory) == "." && u.Source.Digest != "" {
			return u.Source.Digest, nil
		}
		return known.DigestIn(ctx, u.tree.Directory, directory, u.tree.LeftOut())
	}
	type piece struct{ From, Source, Destination string }
	list := []piece{}
	for _, one := range u.Recipe.Contexts {
		p := piece{"", one.Source, one.Destination}
		switch {
		case one.Checkout == "":
			base, _ := u.File(one.Image)
			p.From = u.reference(base)
		case exact:
			p.From, p.Source = "commit "+u.tree.Commit, one.Checkout
		default:
			sum, err := digestPiece(ctx, known, u.tree.Directory,
				strings.TrimSuffix(one.Checkout, "/."), u.tree.LeftOut())
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
func digestPiece(ctx context.Context, known *source.Known, directory, name string, ignored []string) (string, error) {
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
	return known.DigestIn(ctx, directory, name, ignored)
}

// assembleContext returns the directory that COPY reads from. Where it is more than a directory of the source, or a
// step would see in it what is hidden from COPY, it is put together in a new one, in the order in which CI copies; the
// function it returns removes that.
func (m *prepared) assembleContext(ctx context.Context, b *builder.Builder, u Unit) (string, func(), error) {
	nothing := func() {}
	if err := checkContext(&u); err != nil {
		return "", nothing, err
	}
	if directory, ok := u.plainContext(); ok && (len(u.hidden()) == 0 || !u.file.MountsContext()) {
		return filepath.Join(u.tree.Directory, directory), nothing, nil
	}
	directory, err := os.MkdirTemp(m.Scratch, "context-")
	if err == nil {
		err = os.Chmod(directory, 0o755) // a step that is not root may have it mounted
	}
	if err != nil {
		return "", nothing, fmt.Errorf("making the build context: %w", err)
	}
	remove := func() { _ = os.RemoveAll(directory) } // scratch is removed at the end in any case
	for _, piece := range u.Recipe.Contexts {
		if err := m.copyPiece(ctx, b, u, piece, directory); err != nil {
			remove()
			return "", nothing, fmt.Errorf("making the build context: %w", err)
		}
	}
	return directory, remove, nil
}

// copyPiece copies one piece of the context to its place.
func (m *prepared) copyPiece(ctx context.Context, b *builder.Builder, u Unit, piece ciconfig.Context,
	directory string) error {
	target, err := os.OpenRoot(directory)
	if err != nil {
		return err
	}
	defer target.Close()
	if piece.Checkout == "" {
		base, _ := u.File(piece.Image)
		image, _, err := m.provide(ctx, u, base)
		if err != nil {
			return err
		}
		return b.CopyOut(ctx, image, piece.Source, target, piece.Destination)
	}
	checkout, err := os.OpenRoot(u.tree.Directory)
	if err != nil {
		return err
	}
	defer checkout.Close()
	name, contents := strings.CutSuffix(piece.Checkout, "/.")
	as := piece.Destination
	if !contents {
		as = path.Join(as, path.Base(name))
	}
	return copytree.CopyLive(ctx, checkout, filepath.FromSlash(name), target, filepath.FromSlash(as), u.tree.Ignored...)
}

// checkContext makes sure that what the build context takes from the source lies inside it, symbolic links followed.
func checkContext(u *Unit) error {
	root, err := os.OpenRoot(u.tree.Directory)
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	defer root.Close()
	for _, piece := range u.Recipe.Contexts {
		if piece.Checkout == "" {
			continue
		}
		name, contents := strings.CutSuffix(piece.Checkout, "/.")
		info, err := root.Stat(filepath.Clean(name))
		if err == nil && contents && !info.IsDir() {
			err = errors.New("not a directory")
		}
		if err != nil {
			return fault.New(fault.Unresolved, "--context-dir says where it is.",
				fmt.Errorf("build context %q: %w", name, err))
		}
	}
	return nil
}
