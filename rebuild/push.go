package rebuild

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/copytree"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/artifact"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// Push sends a plan of this job to a repository, with the working trees and files that it is made from, and returns
// its pull spec by digest: any machine can carry it out.
func (j *Job) Push(ctx context.Context, planned *plan.Plan, repository string) (string, error) {
	packed, archives, err := j.pack(ctx, planned)
	if err != nil {
		return "", err
	}
	return artifact.Push(ctx, j.options.Pushing, repository, packed, archives)
}

// pack writes the working trees of a plan to archives, and returns a plan that names these.
func (j *Job) pack(ctx context.Context, planned *plan.Plan) (*plan.Plan, []registry.Blob, error) {
	packed, units := planned.Copy()
	var archives []registry.Blob
	known := map[string]digest.Digest{} // by request: several images may be made of one tree
	for _, c := range units {
		if c.OS != nil {
			blob, err := j.packChanges(ctx, c)
			if err != nil {
				return nil, nil, fmt.Errorf("%s %q: %w", c.Noun(), c.Name, err)
			}
			archives, c.Source.Archive = append(archives, blob), blob.Digest
			continue
		}
		if c.IsSwapped() || c.Source.Request.Spec.Kind != gitsrc.Local {
			continue
		}
		key, err := json.Marshal(c.Source.Request)
		if err != nil {
			return nil, nil, fmt.Errorf("describing the source: %w", err)
		}
		if known[string(key)] == "" {
			blob, err := j.packTree(ctx, c)
			if err != nil {
				return nil, nil, fmt.Errorf("%s %q: %w", c.Noun(), c.Name, err)
			}
			archives, known[string(key)] = append(archives, blob), blob.Digest
		}
		c.Source.Archive = known[string(key)]
		// Where the tree lies is nobody's business, nor is it anybody's own directory of that name.
		c.Source.Path = "./" + filepath.Base(c.Source.Path)
		c.Source.Request.Spec.Path = c.Source.Path
	}
	for _, c := range units { // what patches hold is in the plan, and where they lie is nobody's business either
		c.Source.Request.Patches = slices.Clone(c.Source.Request.Patches)
		for i, patch := range c.Source.Request.Patches {
			c.Source.Request.Patches[i] = filepath.Base(patch)
		}
	}
	return packed, archives, nil
}

func (j *Job) packTree(ctx context.Context, c *plan.Component) (blob registry.Blob, err error) {
	j.report.Report(c.Name, progress.Push, progress.Started, "its working tree %s", c.Source.Path)
	var tree gitsrc.Tree
	blob, err = j.archive(func(w io.Writer) (err error) {
		tree, err = j.sources.Pack(ctx, c.Name, c.Source.Request, w)
		return err
	})
	if err != nil {
		return blob, err
	}
	changed, err := j.sources.IsChanged(ctx, tree, c.Source.Read)
	if err != nil {
		return blob, err
	}
	if changed {
		return blob, fault.New(fault.Build, "Run it again.",
			fmt.Errorf("the working tree %q was changed while it was packed", c.Source.Path))
	}
	j.report.Report(c.Name, progress.Push, progress.Done, "its working tree %s, %d KB", c.Source.Path,
		(blob.Size+999)/1000)
	return blob, nil
}

// archive writes an archive.
func (j *Job) archive(pack func(io.Writer) error) (blob registry.Blob, err error) {
	file, err := os.CreateTemp(j.scratch, "archive-")
	if err != nil {
		return blob, fmt.Errorf("packing the source: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := digest.Canonical.Digester()
	w := bufio.NewWriter(io.MultiWriter(file, sum.Hash()))
	if err := pack(w); err != nil {
		return blob, err
	}
	if err := w.Flush(); err != nil {
		return blob, fmt.Errorf("packing the source: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return blob, fmt.Errorf("packing the source: %w", err)
	}
	return registry.Blob{Digest: sum.Digest(), Size: info.Size(), MediaType: source.ArchiveType,
		Open: func(context.Context) (io.ReadCloser, error) { return os.Open(file.Name()) }}, nil
}

// packChanges packs the files of a change to an operating system image, and lets the plan name them as they are there.
func (j *Job) packChanges(ctx context.Context, c *plan.Component) (registry.Blob, error) {
	if len(c.OS.Changes.RepoFiles) > 0 {
		return registry.Blob{}, fault.New(fault.Unresolved, "Run `oc rebuild` here.",
			errors.New("a file of --repo-file may hold a password: it does not go along with a plan"))
	}
	staged, err := os.MkdirTemp(j.scratch, "changes-")
	if err != nil {
		return registry.Blob{}, fmt.Errorf("packing the changes: %w", err)
	}
	to, err := os.OpenRoot(staged)
	if err != nil {
		return registry.Blob{}, fmt.Errorf("packing the changes: %w", err)
	}
	defer to.Close()
	j.report.Report(c.Name, progress.Push, progress.Started, "%s", c.OS.Changes)
	changes, err := c.OS.Changes.Place(func(name, file string) (string, error) {
		if context := path.Dir(name); c.OS.Changes.Containerfile != "" { // with all that it may copy
			return name, errors.Join(stage(ctx, filepath.Dir(file), to, context), to.RemoveAll(context+"/.git"))
		}
		return name, stage(ctx, file, to, name)
	})
	if err != nil {
		return registry.Blob{}, fmt.Errorf("packing the changes: %w", err)
	}
	c.OS = &plan.OSImage{Base: c.OS.Base, Changes: changes}
	blob, err := j.archive(func(w io.Writer) error { return source.Pack(ctx, w, staged, nil) })
	if err == nil {
		j.report.Report(c.Name, progress.Push, progress.Done, "%s, %d KB", changes, (blob.Size+999)/1000)
	}
	return blob, errors.Join(err, cache.RemoveAll(staged)) // trees of RPM packages have read-only directories
}

// stage copies a file or directory to a place in another one.
func stage(ctx context.Context, file string, to *os.Root, name string) error {
	file, err := filepath.EvalSymlinks(file)
	if err != nil {
		return err
	}
	from, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return err
	}
	defer from.Close()
	return copytree.Copy(ctx, from, filepath.Base(file), to, name)
}
