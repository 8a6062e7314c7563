package image

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// Where RUN steps see the compile caches: a place of their own, so that a step that removes /root/.cache finds
// nothing mounted there.
const (
	goBuildCache  = "/run/oc-rebuild/go-build"
	goModuleCache = "/run/oc-rebuild/go-mod"
)

// What they are called in the directory that a repository has for them.
const (
	buildCache  = "go-build"
	moduleCache = "go-mod"
)

// compileCaches lends the Go toolchain of a build directories that outlive it.
type compileCaches struct {
	*shop
	next Maker
}

func (m compileCaches) Make(ctx context.Context, u Unit) (Image, error) {
	b, err := m.open(ctx)
	if err != nil {
		return Image{}, err
	}
	file, compilers, err := u.withCompileCaches(b)
	if err != nil {
		return Image{}, err
	}
	if len(compilers) > 0 {
		m.compiled.Store(true)
		u.file, u.build.Dockerfile = file, file.Text()
		directory, writers, err := m.directory(ctx, u, compilers)
		if err != nil {
			return Image{}, err
		}
		u.build.Caches = []builder.Cache{
			{Name: "oc-rebuild-go-build", Directory: filepath.Join(directory, buildCache), Target: goBuildCache},
			{Name: "oc-rebuild-go-mod", Directory: filepath.Join(directory, moduleCache), Target: goModuleCache},
		}
		err = cache.Begin(ctx, directory, func(to *os.Root) error { return m.seed(ctx, b, compilers, to) })
		if err == nil {
			err = cache.Name(directory, writers)
		}
		if err != nil {
			return Image{}, err
		}
	}
	return m.next.Make(ctx, u)
}

// seed copies what the builder images themselves keep for their Go toolchains: packages that are compiled, and modules
// that a build without network needs. The Dockerfile would find it there without us.
func (m compileCaches) seed(ctx context.Context, b *builder.Builder, compilers []builder.Image, to *os.Root) error {
	for i, image := range compilers {
		if slices.ContainsFunc(compilers[:i], func(other builder.Image) bool { return other.ID == image.ID }) {
			continue
		}
		caches, err := image.GoCaches()
		if err != nil {
			return err
		}
		for as, name := range map[string]string{buildCache: caches.Build, moduleCache: caches.Modules} {
			if name == "" {
				continue
			}
			if err := b.CopyDirectory(ctx, image, name, to, as); err != nil {
				return fault.New(fault.KindOf(err), "Build without compile caches: --no-cache.",
					fmt.Errorf("copying %q of a base image to a compile cache: %w", name, err))
			}
		}
	}
	return nil
}

// directory returns where the caches are that outlive a build of this unit, and whose they are. What a step writes
// there is read by later builds, so they are kept apart by all who have a say in what the steps do: who could write the
// source, and what else comes from a payload or a config.
func (m compileCaches) directory(ctx context.Context, u Unit, compilers []builder.Image) (directory, writers string,
	err error) {
	writers, err = m.writers(ctx, u)
	if err != nil {
		return "", "", err
	}
	inputs := struct {
		Version          int // of what is in a cache when it is made
		Writers, Literal string
		Args             []ciconfig.Arg
		Images           []string
		Compilers        []string
		Dockerfile       string // of a plan that was read: anybody's
		Platform         string `json:",omitempty"` // where it is not this machine's
	}{Version: 2, Writers: writers, Literal: u.Recipe.Literal, Args: u.Recipe.BuildArgs}
	if u.Given {
		inputs.Dockerfile = string(u.Recipe.File.Text())
	}
	if arch := m.Reading.Platform().Architecture; arch != runtime.GOARCH {
		inputs.Platform = arch
	}
	for _, b := range u.Wants() {
		name := u.reference(b)
		if made, ok := u.used[b.Built]; ok { // its key says more: any edit of its tree would make the cache a new one
			name = made.Stored
		}
		inputs.Images = append(inputs.Images, name)
	}
	for _, image := range compilers { // whose own caches it begins with
		inputs.Compilers = append(inputs.Compilers, image.ID)
	}
	key, err := keyOf(inputs)
	if err != nil {
		return "", "", err
	}
	return m.cached(cache.Compile, key[:24]), writers, nil
}

// writers says who could write the source of a unit. A commit that a branch of its repository contains is the
// repository's own; any other may be anybody's, since GitHub gives out those of pull requests and forks under the
// repository's name: it stands for itself. So does what was patched, and a branch of a working tree: it may be a pull
// request that the user looks at.
func (m compileCaches) writers(ctx context.Context, u Unit) (string, error) {
	t, request := u.tree, u.Source.Request
	switch {
	case len(request.Patches) > 0:
		who := []string{t.Repository, t.Commit, t.Path, "with"}
		for _, patch := range u.Source.Patches {
			who = append(who, digest.FromBytes(patch.Data).String())
		}
		return strings.Join(who, " "), nil
	case u.Source.Archive != "": // of anybody's machine
		return strings.Join([]string{t.Repository, t.Commit, "with", u.Source.Archive.String()}, " "), nil
	case t.Kind == gitsrc.Local:
		directory, err := filepath.Abs(t.Path)
		if err != nil {
			return "", fmt.Errorf("locating the working tree %q: %w", t.Path, err)
		}
		return directory + " " + cmp.Or(t.Branch, t.Commit), nil
	}
	if t.Kind != gitsrc.Pull && t.Kind != gitsrc.Merge {
		own, err := m.Sources.OnBranch(ctx, t.Repository, t.Commit, request.Branch)
		if err != nil && ctx.Err() != nil {
			return "", err
		}
		if own {
			return t.Repository, nil
		}
		if err != nil {
			m.Report.Report(u.Name, progress.Build, progress.Warned,
				"nothing that was compiled before is used: %v", err)
		}
	}
	return t.Repository + " " + t.Commit, nil
}

// withCompileCaches points the Go toolchain to the caches in each stage that has one and is not part of the image
// itself, whose configuration stays as the Dockerfile makes it. A Dockerfile that sets GOCACHE itself keeps its own, and
// one that takes modules from one place to another its module cache. The caches are root's, so stages with steps of
// other users do without. It returns the images that the stages with caches are built on.
func (u *Unit) withCompileCaches(b *builder.Builder) (_ *dockerfile.File, compilers []builder.Image, err error) {
	final := u.file.FinalStages()
	compiles, users := map[int]bool{}, map[int]string{}
	for i, base := range u.Bases {
		if base.Kind == dockerfile.From {
			if users[base.Stage], err = u.images[i].User(); err != nil {
				return nil, nil, err
			}
		}
	}
	unprivileged, ownModules := u.file.Unprivileged(users), u.file.BringsModules()
	for i, base := range u.Bases {
		if base.Kind != dockerfile.From || final[base.Stage] || unprivileged[base.Stage] {
			continue
		}
		if u.images[i].HasTriggers() { // which may set a user, or bring modules
			continue
		}
		if compiles[base.Stage], err = b.HasProgram(u.images[i], "go"); err != nil {
			return nil, nil, err
		}
		if compiles[base.Stage] {
			compilers = append(compilers, u.images[i])
		}
	}
	file, err := u.file.WithEnvironment(func(stage int) []dockerfile.Variable {
		if !compiles[stage] {
			return nil
		}
		variables := []dockerfile.Variable{{Name: "GOCACHE", Value: goBuildCache}}
		if !ownModules {
			variables = append(variables, dockerfile.Variable{Name: "GOMODCACHE", Value: goModuleCache})
		}
		return variables
	})
	return file, compilers, err
}
