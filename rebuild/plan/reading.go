package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// maxBuildRoot bounds .ci-operator.yaml, in bytes.
const maxBuildRoot = 1 << 20

// obtain reads what decides the bases of a unit from its source. A commit that is most likely not built is not
// checked out.
func (p *planner) obtain(ctx context.Context, u *unit) (err error) {
	u.request = gitsrc.Request{
		Repository: u.component.Source, Commit: u.component.Commit, Branch: u.branch(), Spec: u.spec,
		Patches: u.target.Patches,
	}
	if p.request.All { // what the config alone says has to do
		u.tree = gitsrc.Tree{Kind: gitsrc.Payload, Repository: u.component.Source,
			Commit: u.component.Commit, Ref: u.branch()}
		return u.readRecipe(nil)
	}
	return p.readSource(ctx, u)
}

// readSource reads the source that a unit's request is for.
func (p *planner) readSource(ctx context.Context, u *unit) (err error) {
	local := u.spec.Kind == gitsrc.Local || len(u.request.Patches) > 0
	if !local && (p.NeedsFiles == nil || !p.NeedsFiles(u.request)) {
		revision, tree, err := p.Sources.Look(ctx, u.target.Name, u.request)
		if err != nil {
			return err
		}
		u.tree = tree
		return errors.Join(u.read(revision), revision.Close())
	}
	if u.tree, err = p.Sources.Checkout(ctx, u.target.Name, u.request); err != nil {
		return err
	}
	root, err := os.OpenRoot(u.tree.Directory)
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	defer root.Close()
	return u.read(root.FS())
}

// read finds what decides the bases of a unit in its source.
func (u *unit) read(files fs.FS) error {
	if err := u.findBuildRoot(files); err != nil {
		return err
	}
	return u.readRecipe(files)
}

// findBuildRoot completes a config that leaves it to the repository to name the image in which sources are compiled.
func (u *unit) findBuildRoot(files fs.FS) error {
	if !u.match.Config.RootFromRepository() {
		return nil
	}
	info, err := fs.Stat(files, ciconfig.BuildRootFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it matters only to images that are built on it
	}
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxBuildRoot) {
		err = fmt.Errorf("not a file of at most %d bytes", maxBuildRoot)
	}
	var data []byte
	if err == nil {
		data, err = fs.ReadFile(files, ciconfig.BuildRootFile)
	}
	if err != nil {
		return fault.New(fault.Unresolved, "", fmt.Errorf("reading %s of the source: %w", ciconfig.BuildRootFile, err))
	}
	ref, err := ciconfig.ParseBuildRoot(ciconfig.BuildRootFile, data)
	if err != nil {
		return err
	}
	u.match.Config = u.match.Config.WithBuildRoot(ref)
	return nil
}

// readRecipe sets the recipe of a unit and finds the images that it is built from: in its Dockerfile, where that can
// be read, else as the config declares them. Without files only a Dockerfile that the config itself has can be read.
func (u *unit) readRecipe(files fs.FS) error {
	if err := u.setRecipe(); err != nil {
		return err
	}
	for _, piece := range u.recipe.Contexts() {
		if piece.Checkout == "" && u.file(piece.Image) == nil {
			u.files = append(u.files, &base{Base: u.declared(piece.Image, "files of the build context come from it")})
		}
	}
	if files == nil && u.recipe.Literal == "" {
		u.declare()
		return nil
	}
	text, err := u.readDockerfile(files)
	if err != nil {
		return err
	}
	if u.resolution, err = u.recipe.Resolve(text); err != nil {
		return err
	}
	if err := u.checkArguments(); err != nil {
		return err
	}
	if err := u.compare(); err != nil {
		return err
	}
	for _, b := range u.resolution.Bases {
		u.bases = append(u.bases, &base{Base: b})
	}
	return nil
}

// checkArguments refuses a build argument of the user's that would have no effect. Those for proxies need no ARG.
func (u *unit) checkArguments() error {
	for _, argument := range u.target.BuildArgs {
		if !u.resolution.Declares(argument.Name) && !strings.HasSuffix(strings.ToLower(argument.Name), "_proxy") {
			return fault.New(fault.Usage,
				"A Dockerfile declares what it takes with ARG. For one of several components write --build-arg COMPONENT=NAME=VALUE.",
				fmt.Errorf("build argument %q: no ARG of %s declares it", argument.Name, u.recipe.Dockerfile))
		}
	}
	return nil
}

// readDockerfile reads the Dockerfile where the build context has it.
func (u *unit) readDockerfile(files fs.FS) ([]byte, error) {
	recipe := u.recipe
	// the context is put together from pieces; the last one that has the file decides
	if !recipe.Checkout && recipe.Literal == "" {
		pieces := recipe.Contexts()
		for i := len(pieces) - 1; i >= 0; i-- {
			if name, ok := inPiece(pieces[i], recipe.Dockerfile); ok {
				if _, err := fs.Stat(files, name); err == nil {
					recipe.ContextDir, recipe.Dockerfile = ".", name
					break
				}
			}
		}
	}
	data, err := recipe.ReadDockerfile(files)
	if errors.Is(err, fs.ErrNotExist) && u.spec.Kind == gitsrc.Local {
		advice := "--dockerfile and --context-dir say where it is."
		if u.component.Source != "" {
			advice = fmt.Sprintf("Is it a checkout of %s? %s", u.component.Source, advice)
		}
		err = fault.New(fault.Unresolved, advice, fmt.Errorf("directory %q: %w", u.spec.Path, err))
	}
	return data, err
}

// inPiece returns where in the checkout a file of the build context lies, if it comes with the piece.
func inPiece(piece ciconfig.Context, name string) (string, bool) {
	if piece.Checkout == "" {
		return "", false
	}
	source, contents := strings.CutSuffix(piece.Checkout, "/.")
	destination := piece.Destination
	if !contents {
		destination = path.Join(destination, path.Base(source))
	}
	name = path.Clean(name)
	if destination == "." {
		return path.Join(source, name), true
	}
	if name == destination {
		return source, true
	}
	rest, ok := strings.CutPrefix(name, destination+"/")
	return path.Join(source, rest), ok
}

// declare lists the images that the config says the unit is built from. The Dockerfile may use fewer, and others that
// CI detects in it.
func (u *unit) declare() {
	for _, input := range u.recipe.Inputs {
		if len(input.As) > 0 && input.Image != u.recipe.From {
			b := u.declared(input.Image, "the config declares it; the Dockerfile was not read")
			b.Reference = input.As[0]
			u.bases = append(u.bases, &base{Base: b})
		}
	}
	if u.recipe.From != "" {
		b := u.declared(u.recipe.From, "the config's from; the Dockerfile was not read")
		b.Final = true
		u.bases = append(u.bases, &base{Base: b})
	}
}

// declared returns the image that a pipeline tag stands for.
func (u *unit) declared(tag, reason string) ciconfig.Base {
	b := ciconfig.Base{Alias: tag, Reason: reason}
	switch step := u.recipe.Pipeline[tag]; {
	case step.Kind != ciconfig.StepInput:
		b.Sibling = tag
	case step.Pullspec != "":
		b.Pullspec = step.Pullspec
	default:
		b.Image = step.Base
	}
	return b
}
