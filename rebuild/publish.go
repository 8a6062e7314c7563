package rebuild

import (
	"context"
	"fmt"
	"strings"

	"go.podman.io/image/v5/docker/reference"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// maxTag is the longest tag that registries take, in bytes.
const maxTag = 128

// tagged completes a pull spec of a payload that has no tag: by the name of the payload, and by what is new in it, each
// component with its commit.
func tagged(to, name string, components []ResultComponent) (string, error) {
	named, err := registry.ParsePullSpec(to)
	if err != nil || !reference.IsNameOnly(named) {
		return to, err
	}
	parts := whatIsNew(components)
	// A version may have build metadata after a plus sign, which a tag may not.
	name = strings.ReplaceAll(name, "+", "_")
	tag := name + "-" + strings.Join(parts, "-")
	if len(tag) > maxTag {
		tag = fmt.Sprintf("%s-%s-and-%d-more", name, parts[0], len(parts)-1)
	}
	with, err := reference.WithTag(named, tag)
	if err != nil {
		return "", fault.New(fault.Usage, "Name a tag.",
			fmt.Errorf("%q cannot be the tag of the payload: %w", tag, err))
	}
	return with.String(), nil
}

// whatIsNew names each component with its commit.
func whatIsNew(components []ResultComponent) []string {
	var parts []string
	for _, c := range components {
		part := c.Name
		if c.Commit != "" {
			part += "-" + c.Commit[:min(len(c.Commit), 9)]
		}
		if c.Dirty {
			part += "-dirty"
		}
		parts = append(parts, part)
	}
	return parts
}

// nameFor returns what plan.NameAuto stands for: the name of the old payload, which stays a semantic version, and what
// is new. Build metadata stay at the end.
func nameFor(old string, components []ResultComponent) string {
	version, metadata, has := strings.Cut(old, "+")
	name := version + "-" + strings.Join(whatIsNew(components), "-")
	if has {
		name += "+" + metadata
	}
	return name
}

// publish pushes a payload, its tag last, unless the tag names it already.
func (j *Job) publish(ctx context.Context, assembly *payload.Assembly, to string) (payload.Pushed, error) {
	defer j.report.Start("", progress.Publish)()
	sum, err := assembly.Digest()
	if err != nil {
		return payload.Pushed{}, err
	}
	named, err := registry.ParsePullSpec(to)
	if err != nil {
		return payload.Pushed{}, err
	}
	if image.Has(ctx, j.options.Pushing, to, sum) {
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
