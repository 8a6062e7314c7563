package rebuild

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

// stageInputs are all that decides what a checkpoint of a stage holds. Two checkpoints with equal inputs hold the same, as far as steps do
// the same twice.
type stageInputs struct {
	Version    int            `json:"version"`
	Dockerfile string         `json:"dockerfile"` // up to the checkpoint, with every base by digest
	Args       []ciconfig.Arg `json:"args"`
	Sources    string         `json:"sources"` // digest of what was taken from the build context
	Platform   string         `json:"platform"`
	Network    string         `json:"network"`
	Compile    string         `json:"compile"` // the compile caches that steps saw, and may have left something in
}

// build builds a unit. The stages begin with images that an earlier build left where the inputs up to there are the same, and leave some
// for later builds. The image is the same as without any of that.
func (j *Job) build(ctx context.Context, b *builder.Builder, u *unit, file *dockerfile.File, build builder.Build, images map[*base]builder.Image) (builder.Image, error) {
	if j.NoCache || u.os != nil { // an operating system is made in layers of its own
		build.Dockerfile = file.Text()
		return b.Build(ctx, build)
	}
	all := file.Checkpoints()
	at, kept := map[int]dockerfile.Checkpoint{}, map[int]string{}
	var flattenOn *builder.Image
	for len(all) > 0 {
		stage := all[0].Stage
		end := slices.IndexFunc(all, func(c dockerfile.Checkpoint) bool { return c.Stage != stage })
		if end < 0 {
			end = len(all)
		}
		base := u.stageBase(stage, images)
		// Without a time for its files, the layer of an image cannot be made again.
		if base != nil && !base.HasTriggers() && !(all[0].Final && build.Timestamp.IsZero()) {
			furthest, id, err := j.resume(ctx, b, u, build, all[:end])
			if err != nil {
				return builder.Image{}, err
			}
			if id != "" {
				at[stage], kept[stage] = furthest, id
				if furthest.Final {
					flattenOn = base
				}
			}
		}
		all = all[end:]
	}
	build.Dockerfile = file.Resume(at, kept)
	image, err := b.Build(ctx, build)
	if err != nil || flattenOn == nil {
		return image, err
	}
	return b.Flatten(ctx, image, *flattenOn, build.Timestamp)
}

// stageBase returns the image that a stage is built on.
func (u *unit) stageBase(stage int, images map[*base]builder.Image) *builder.Image {
	for _, base := range u.bases {
		if image, ok := images[base]; ok && base.Kind == dockerfile.From && base.Stage == stage {
			return &image
		}
	}
	return nil
}

// stageCheckpoint is a checkpoint that an image may stand for.
type stageCheckpoint struct {
	dockerfile.Checkpoint
	key  string // of the image
	cost string // of what is known about the time that it takes, which is much the same for other commits
}

// resume returns the furthest checkpoint of a stage that an image stands for, and the image's ID; "" where there is none. It first makes the
// images that are worth it: that of a checkpoint which takes nothing from the build context at once, that of another one when its inputs
// come for the second time, since those may be what is being worked on.
func (j *Job) resume(ctx context.Context, b *builder.Builder, u *unit, build builder.Build, list []dockerfile.Checkpoint) (furthest dockerfile.Checkpoint, id string, err error) {
	var checkpoints []stageCheckpoint
	for _, c := range list {
		one, err := j.stageCheckpoint(ctx, u, build, c)
		if errors.Is(err, errNotDigested) {
			break
		}
		if err != nil {
			return furthest, "", err
		}
		checkpoints = append(checkpoints, one)
	}
	next := 0
	for i, c := range slices.Backward(checkpoints) {
		image, err := b.Image(ctx, j.stageName(c.key))
		if err == nil {
			furthest, id, next = c.Checkpoint, image.ID, i+1
			cache.Touch(j.cached(cache.Stages, c.key))
			break
		}
		if !errors.Is(err, builder.ErrNotFound) {
			return furthest, "", err
		}
	}
	for _, c := range checkpoints[next:] {
		seen, err := j.seen(c.key)
		if err != nil {
			return furthest, "", err
		}
		if !seen && len(c.Sources) > 0 || j.knownAsQuick(c.cost) {
			continue
		}
		text := c.Text()
		if id != "" {
			text = c.TextAfter(furthest, id)
		}
		made, err := j.keepStage(ctx, b, u, build, text, c)
		if err != nil {
			return furthest, "", err
		}
		if made != "" {
			furthest, id = c.Checkpoint, made
		}
	}
	return furthest, id, nil
}

// keepStage builds what a checkpoint holds and keeps it under its key. It returns "" where that was done so quickly that it is not worth it.
func (j *Job) keepStage(ctx context.Context, b *builder.Builder, u *unit, build builder.Build, text []byte, c stageCheckpoint) (id string, err error) {
	release, err := b.Alone(ctx, "stage-"+c.key)
	if err != nil {
		return "", err
	}
	defer release()
	if image, err := b.Image(ctx, j.stageName(c.key)); err == nil { // another run was quicker
		return image.ID, nil
	}
	begin := time.Now()
	image, err := b.Build(ctx, builder.Build{
		Name: build.Name, Context: build.Context, Hidden: build.Hidden, Dockerfile: text, Args: build.Args, Caches: build.Caches, Log: build.Log,
	})
	if err != nil {
		return "", err
	}
	if took := time.Since(begin); took < j.keepAfter() {
		return "", errors.Join(b.Remove(image.ID), j.rememberAsQuick(c.cost, took))
	}
	if changed, err := j.changed(u); changed || err != nil { // the key may say something else than the image has
		return "", errors.Join(err, b.Remove(image.ID))
	}
	if err := b.Name(image, j.stageName(c.key)); err != nil {
		return "", errors.Join(err, b.Remove(image.ID))
	}
	return image.ID, j.forgetStages(b)
}

// sourceVariables is the instruction that tells a stage of its commit.
var sourceVariables = regexp.MustCompile(`(?m)^ENV SOURCE_GIT_COMMIT=.*\n`)

// stageCheckpoint digests everything that decides what a checkpoint holds. The error is errNotDigested where that cannot be told.
func (j *Job) stageCheckpoint(ctx context.Context, u *unit, build builder.Build, c dockerfile.Checkpoint) (stageCheckpoint, error) {
	sources, err := digestSources(ctx, build.Context, build.Hidden, c.Sources)
	if err != nil {
		return stageCheckpoint{}, err
	}
	inputs := stageInputs{
		Version: recordVersion, Dockerfile: string(c.Text()), Args: u.args, Sources: sources,
		Platform: j.platform(), Network: j.Build.Network,
	}
	if len(build.Caches) > 0 {
		if inputs.Compile, err = cache.Generation(filepath.Dir(build.Caches[0].Directory)); err != nil {
			return stageCheckpoint{}, err
		}
	}
	key, err := keyOf(inputs)
	if err != nil {
		return stageCheckpoint{}, err
	}
	cost, err := keyOf(stageInputs{Dockerfile: sourceVariables.ReplaceAllString(string(c.Text()), "")})
	return stageCheckpoint{c, key, cost}, err
}
