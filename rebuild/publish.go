package rebuild

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker/reference"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
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
	var unknown error
	if tagged, ok := named.(reference.NamedTagged); ok {
		switch before, err := j.options.Pushing.Names(ctx, to); {
		case err != nil:
			unknown = err // and whatever is wrong, the push will tell
		case before == "":
		case before == sum:
			j.report.Report("", progress.Publish, progress.Skipped, "%s is %s already", to, sum)
			return payload.Pushed{Image: named.Name() + "@" + sum.String(), Tag: tagged.Tag(), Digest: sum}, nil
		default:
			j.keep(ctx, tagged, before)
		}
	}
	j.report.Report("", progress.Publish, progress.Started, "%s", to)
	pushed, err := assembly.Push(ctx, j.options.Pushing, to)
	if err == nil {
		j.report.Report("", progress.Publish, progress.Done, "%s", pushed.Image)
		if unknown != nil {
			j.report.Report("", progress.Publish, progress.Warned,
				"a payload that %s may have named before has no tag any more: it was asked for, and %v", to, unknown)
		}
	}
	return pushed, err
}

// keep gives what a tag names another one, since the first is about to move: a cluster may run that payload by its
// digest, and a registry takes what has no tag for garbage.
func (j *Job) keep(ctx context.Context, named reference.NamedTagged, sum digest.Digest) {
	kept := keptTag(named.Tag(), sum)
	err := j.options.Pushing.Tag(ctx, named.Name()+"@"+sum.String(), kept)
	switch {
	case err == nil:
		j.report.Report("", progress.Publish, progress.Running, "what was %s is %s:%s now", named, named.Name(), kept)
	case ctx.Err() == nil:
		j.report.Report("", progress.Publish, progress.Warned, "%s has no tag any more: %v", sum, err)
	}
}

// keptTag is the tag of a payload that was called tag before.
func keptTag(tag string, sum digest.Digest) string {
	own := "-" + sum.Encoded()[:12]
	return tag[:min(len(tag), maxTag-len(own))] + own
}
