package rebuild

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker/reference"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// pushOne pushes the image of a unit and returns its pull spec by digest. For an image of an earlier run the registry is asked first: it
// most likely has it.
func (j *Job) pushOne(ctx context.Context, u *unit, b *built) (string, error) {
	name := u.target.Name
	defer j.clock.start(name, StagePush)()
	pullSpec := u.repository + "@" + b.artifact.Digest().String()
	if b.log == "" && j.has(ctx, pullSpec, b.artifact.Digest()) {
		j.report(name, StagePush, Skipped, "%s is there", pullSpec)
		return pullSpec, nil
	}
	j.report(name, StagePush, Started, "%s", u.repository)
	var sent int64
	pullSpec, err := b.artifact.push(ctx, j.Reading, j.Pushing, u.repository, j.cached("blobs"), func(bytes int64) { sent += bytes })
	if err != nil {
		return "", fmt.Errorf("component %q: %w", name, err)
	}
	j.Progress.Report(Event{Component: name, Stage: StagePush, State: Done, Message: pullSpec, Bytes: sent})
	return pullSpec, nil
}

// publish pushes a payload, its tag last, unless the tag names it already.
func (j *Job) publish(ctx context.Context, assembly *payload.Assembly, to string) (payload.Pushed, error) {
	defer j.clock.start("", StagePublish)()
	sum, err := assembly.Digest()
	if err != nil {
		return payload.Pushed{}, err
	}
	named, err := registry.ParsePullSpec(to)
	if err == nil && j.has(ctx, to, sum) {
		if tagged, ok := named.(reference.Tagged); ok {
			pushed := payload.Pushed{Image: named.Name() + "@" + sum.String(), Tag: tagged.Tag(), Digest: sum}
			j.report("", StagePublish, Skipped, "%s is %s already", to, sum)
			return pushed, nil
		}
	}
	j.report("", StagePublish, Started, "%s", to)
	pushed, err := assembly.Push(ctx, j.Pushing, to)
	if err == nil {
		j.report("", StagePublish, Done, "%s", pushed.Image)
	}
	return pushed, err
}

// has reports whether a pull spec names an image of that digest. Whatever goes wrong in asking, the push will tell.
func (j *Job) has(ctx context.Context, pullSpec string, sum digest.Digest) bool {
	found, err := j.Pushing.Resolve(ctx, pullSpec)
	_, named := registry.SplitDigest(found)
	return err == nil && named == sum
}
