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
)

// unpack puts what a plan comes with into files, patches and working trees, for the units that are needed, and checks that
// they make the source that the plan says: the key of what is built of it goes by that.
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
	sum, err := j.sources.Digest(ctx, tree.Directory, tree.Ignored)
	if err == nil && sum != c.Source.Digest {
		err = fault.Errorf(fault.Usage, "source.digest is %s, and what the plan comes with makes %s", c.Source.Digest, sum)
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
	if j.options.Artifact == "" {
		return tree, fault.New(fault.Unresolved, "Pass the pull spec that `oc rebuild plan --push` printed.",
			errors.New("its source is a working tree, and the plan comes without it"))
	}
	c.Source.Request, tree, err = j.sources.Unpack(ctx, c.Source.Tree(), c.Source.Archive, func() (io.ReadCloser, error) {
		file, err := os.CreateTemp(j.scratch, "archive-")
		if err != nil {
			return nil, fmt.Errorf("unpacking the plan: %w", err)
		}
		err = os.Remove(file.Name()) // it stays as long as it is open
		if err == nil {              // nothing is unpacked before it is known to be what the plan names
			err = artifact.Archive(ctx, j.options.Reading, j.options.Artifact, c.Source.Archive, file)
		}
		if err == nil {
			_, err = file.Seek(0, io.SeekStart)
		}
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
		return file, nil
	})
	return tree, err
}
