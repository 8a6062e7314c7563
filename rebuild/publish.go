package rebuild

import (
	"context"

	"go.podman.io/image/v5/docker/reference"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// publish pushes a payload, its tag last, unless the tag names it already.
func (j *Job) publish(ctx context.Context, assembly *payload.Assembly, to string) (payload.Pushed, error) {
	defer j.report.Start("", progress.Publish)()
	sum, err := assembly.Digest()
	if err != nil {
		return payload.Pushed{}, err
	}
	named, err := registry.ParsePullSpec(to)
	if err == nil && image.Has(ctx, j.options.Pushing, to, sum) {
		if tagged, ok := named.(reference.Tagged); ok {
			pushed := payload.Pushed{Image: named.Name() + "@" + sum.String(), Tag: tagged.Tag(), Digest: sum}
			j.report.Report("", progress.Publish, progress.Skipped, "%s is %s already", to, sum)
			return pushed, nil
		}
	}
	j.report.Report("", progress.Publish, progress.Started, "%s", to)
	pushed, err := assembly.Push(ctx, j.options.Pushing, to)
	if err == nil {
		j.report.Report("", progress.Publish, progress.Done, "%s", pushed.Image)
	}
	return pushed, err
}
