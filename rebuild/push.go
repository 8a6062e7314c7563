package rebuild

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/artifact"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// Push sends a plan of this job to a repository, with the working trees that it takes its source from, and returns its pull
// spec by digest: any machine can carry it out.
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
		if c.IsSwapped() || c.OS != nil || c.Source.Request.Spec.Kind != gitsrc.Local {
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
	return packed, archives, nil
}

func (j *Job) packTree(ctx context.Context, c *plan.Component) (blob registry.Blob, err error) {
	j.report.Report(c.Name, progress.Push, progress.Started, "its working tree %s", c.Source.Path)
	file, err := os.CreateTemp(j.scratch, "archive-")
	if err != nil {
		return blob, fmt.Errorf("packing the source: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	sum := digest.Canonical.Digester()
	w := bufio.NewWriter(io.MultiWriter(file, sum.Hash()))
	tree, err := j.sources.Pack(ctx, c.Name, c.Source.Request, w)
	if err != nil {
		return blob, err
	}
	if err := w.Flush(); err != nil {
		return blob, fmt.Errorf("packing the source: %w", err)
	}
	changed, err := j.sources.IsChanged(tree, c.Source.Read)
	if err != nil {
		return blob, err
	}
	if changed {
		return blob, fault.New(fault.Build, "Run it again.", fmt.Errorf("the working tree %q was changed while it was packed", c.Source.Path))
	}
	info, err := file.Stat()
	if err != nil {
		return blob, fmt.Errorf("packing the source: %w", err)
	}
	j.report.Report(c.Name, progress.Push, progress.Done, "its working tree %s, %d KB", c.Source.Path, (info.Size()+999)/1000)
	return registry.Blob{Digest: sum.Digest(), Size: info.Size(), MediaType: source.ArchiveType,
		Open: func(context.Context) (io.ReadCloser, error) { return os.Open(file.Name()) }}, nil
}
