package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/artifact"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// unpack puts what a plan comes with into files, patches and working trees, for the units that are needed, and checks
// that they make the source that the plan says: the key of what is built of it goes by that.
func (j *Job) unpack(ctx context.Context, planned *plan.Plan, needed func(name string) bool) (*plan.Plan, error) {
	unpacked, units := planned.Copy()
	for _, c := range units {
		if !needed(c.Name) {
			continue
		}
		if err := j.unpackSource(ctx, c); err != nil {
			return nil, fmt.Errorf("%s %q: %w", c.Noun(), c.Name, err)
		}
	}
	return unpacked, nil
}

func (j *Job) unpackSource(ctx context.Context, c *plan.Component) error {
	var tree gitsrc.Tree
	var err error
	switch {
	case c.OS != nil && c.Source.Archive != "":
		return j.unpackChanges(ctx, c)
	case c.Source.Archive != "":
		tree, err = j.unpackTree(ctx, c)
	case len(c.Source.Patches) > 0:
		tree, err = j.unpackPatches(ctx, c)
	default:
		return nil
	}
	if err != nil || c.Source.Digest == "" {
		return err
	}
	sum, err := j.sources.Digest(ctx, tree.Directory, tree.LeftOut())
	if err == nil && sum != c.Source.Digest {
		err = fault.Errorf(fault.Usage, "source.digest is %s, and what the plan comes with makes %s",
			c.Source.Digest, sum)
	}
	return err
}

func (j *Job) unpackPatches(ctx context.Context, c *plan.Component) (gitsrc.Tree, error) {
	for _, patch := range c.Source.Patches {
		name := filepath.Join(j.scratch, "patches", digest.FromBytes(patch.Data).Encoded(), patch.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return gitsrc.Tree{}, fmt.Errorf("unpacking the plan: %w", err)
		}
		if err := os.WriteFile(name, patch.Data, 0o600); err != nil {
			return gitsrc.Tree{}, fmt.Errorf("unpacking the plan: %w", err)
		}
		c.Source.Request.Patches = append(c.Source.Request.Patches, name)
	}
	return j.sources.Checkout(ctx, c.Name, c.Source.Request)
}

func (j *Job) unpackTree(ctx context.Context, c *plan.Component) (tree gitsrc.Tree, err error) {
	c.Source.Request, tree, err = j.sources.Unpack(ctx, c.Source.Tree(), c.Source.Archive,
		func() (io.ReadCloser, error) { return j.openArchive(ctx, c) })
	return tree, err
}

// openArchive reads the archive of a component from the artifact that the plan is in. Nothing is unpacked before it is
// known to be what the plan names.
func (j *Job) openArchive(ctx context.Context, c *plan.Component) (io.ReadCloser, error) {
	if j.options.Artifact == "" {
		return nil, fault.New(fault.Unresolved, "Pass the pull spec that `oc rebuild plan --push` printed.",
			errors.New("it is made from files of another machine, and the plan comes without them"))
	}
	file, err := os.CreateTemp(j.scratch, "archive-")
	if err != nil {
		return nil, fmt.Errorf("unpacking the plan: %w", err)
	}
	err = os.Remove(file.Name()) // it stays as long as it is open
	if err == nil {
		err = artifact.Archive(ctx, j.options.Reading, j.options.Artifact, c.Source.Archive, file)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// unpackChanges puts the files of a change to an operating system image into place, and checks that they make the image
// that the plan says: its labels have their digest.
func (j *Job) unpackChanges(ctx context.Context, c *plan.Component) error {
	archive, err := j.openArchive(ctx, c)
	if err != nil {
		return err
	}
	defer archive.Close()
	directory, err := os.MkdirTemp(j.scratch, "changes-")
	if err != nil {
		return fmt.Errorf("unpacking the plan: %w", err)
	}
	if err := source.Unpack(ctx, archive, directory); err != nil {
		return err
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return fmt.Errorf("unpacking the plan: %w", err)
	}
	defer root.Close()
	changes, err := c.OS.Changes.Place(func(name, _ string) (string, error) {
		info, err := root.Lstat(name)
		if err == nil && !info.IsDir() && !info.Mode().IsRegular() { // a link would lead to a file of this machine
			err = errors.New("it is neither a file nor a directory")
		}
		if err != nil {
			return "", fault.Errorf(fault.Usage, "os.changes: %q in what the plan comes with: %w", name, err)
		}
		return filepath.Join(directory, name), nil
	})
	if err != nil {
		return err
	}
	c.OS = &plan.OSImage{Base: c.OS.Base, Changes: changes}
	recipe, err := j.sources.OSImage(c.OS.Base, changes)
	if err != nil {
		return err
	}
	for name, value := range recipe.Labels {
		if c.Labels[name] != value {
			return fault.Errorf(fault.Usage, "labels: %s is %q, and what the plan comes with makes %q", name,
				c.Labels[name], value)
		}
	}
	return nil
}
