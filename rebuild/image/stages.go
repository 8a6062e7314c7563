package image

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// stageInputs are all that decides what a checkpoint of a stage holds. Two checkpoints with equal inputs hold the
// same, as far as steps do the same twice.
type stageInputs struct {
	Version    int            `json:"version"`
	Dockerfile string         `json:"dockerfile"` // up to the checkpoint, with every base by digest
	Args       []ciconfig.Arg `json:"args"`
	Sources    string         `json:"sources"` // digest of what was taken from the build context
	Platform   string         `json:"platform"`
	Network    string         `json:"network"`
	// as in inputs
	Heads   map[string]string `json:"heads,omitempty"`
	Archive string            `json:"archive,omitempty"`
	// the compile caches that steps saw, and may have left something in
	Compile string `json:"compile"`
}

// keptStages begins stages with images that an earlier build left where the inputs up to there are the same, and
// leaves some for later builds. The image is the same as without any of that.
type keptStages struct {
	*shop
	next Maker
}

func (m keptStages) Make(ctx context.Context, u Unit) (Image, error) {
	if u.OS != nil { // an operating system is made in layers of its own
		return m.next.Make(ctx, u)
	}
	b, err := m.open(ctx)
	if err != nil {
		return Image{}, err
	}
	kept := map[int]string{}
	image, err := m.makeOn(ctx, b, u, kept)
	if err != nil && ctx.Err() == nil && anyGone(ctx, b, kept) { // other runs kept more than there is room for
		return m.next.Make(ctx, u)
	}
	return image, err
}

// makeOn begins stages with images that are kept, by stage.
func (m keptStages) makeOn(ctx context.Context, b *builder.Builder, u Unit, kept map[int]string) (Image, error) {
	all := u.file.Checkpoints()
	at := map[int]dockerfile.Checkpoint{}
	var flattenOn *builder.Image
	for len(all) > 0 {
		stage := all[0].Stage
		end := slices.IndexFunc(all, func(c dockerfile.Checkpoint) bool { return c.Stage != stage })
		if end < 0 {
			end = len(all)
		}
		base := u.stageBase(stage)
		// Without a time for its files, the layer of an image cannot be made again.
		if base != nil && !base.HasTriggers() && !(all[0].Final && u.build.Timestamp.IsZero()) {
			furthest, id, err := m.resume(ctx, b, u, all[:end])
			if id != "" {
				at[stage], kept[stage] = furthest, id
				if furthest.Final {
					flattenOn = base
				}
			}
			if err != nil {
				return Image{}, err
			}
		}
		all = all[end:]
	}
	for _, tree := range u.file.Trees() {
		base := u.stageBase(tree.Stage)
		if base == nil || base.HasTriggers() {
			continue
		}
		furthest, id, err := m.resumeTree(ctx, b, &u, tree, at[tree.Stage], kept[tree.Stage])
		if err != nil {
			return Image{}, err
		}
		if id != "" {
			at[tree.Stage], kept[tree.Stage] = furthest, id
		}
	}
	u.build.Dockerfile = u.file.Resume(at, kept)
	image, err := m.next.Make(ctx, u)
	if err == nil && flattenOn != nil {
		image.local, err = b.Flatten(ctx, image.local, *flattenOn, u.build.Timestamp)
	}
	return image, err
}

// anyGone reports whether one of some images is not in local storage any more.
func anyGone(ctx context.Context, b *builder.Builder, ids map[int]string) bool {
	for _, id := range ids {
		if _, err := b.Image(ctx, id); errors.Is(err, builder.ErrNotFound) {
			return true
		}
	}
	return false
}

// stageBase returns the image that a stage is built on.
func (u *Unit) stageBase(stage int) *builder.Image {
	for i, base := range u.Bases {
		if base.Kind == dockerfile.From && base.Stage == stage {
			return &u.images[i]
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

// resume returns the furthest checkpoint of a stage that an image stands for, and the image's ID; "" where there is
// none. It first makes the images that are worth it: that of a checkpoint which takes nothing from the build context
// at once, that of another one when its inputs come for the second time, since those may be what is being worked on.
func (m keptStages) resume(ctx context.Context, b *builder.Builder, u Unit, list []dockerfile.Checkpoint) (
	furthest dockerfile.Checkpoint, id string, err error,
) {
	var checkpoints []stageCheckpoint
	for _, c := range list {
		one, err := m.stageCheckpoint(ctx, u, c)
		if errors.Is(err, source.ErrNotDigested) {
			break
		}
		if err != nil {
			return furthest, "", err
		}
		checkpoints = append(checkpoints, one)
	}
	next := 0
	for i, c := range slices.Backward(checkpoints) {
		image, err := b.Image(ctx, m.stageName(c.key))
		if err == nil {
			furthest, id, next = c.Checkpoint, image.ID, i+1
			cache.Touch(m.cached(cache.Stages, c.key))
			break
		}
		if !errors.Is(err, builder.ErrNotFound) {
			return furthest, "", err
		}
	}
	for _, c := range checkpoints[next:] {
		again, err := m.recur(c.key)
		if err != nil {
			return furthest, "", err
		}
		if !again && len(c.Sources) > 0 || m.knownAsQuick(c.cost) {
			continue
		}
		text := c.Text()
		if id != "" {
			text = c.TextAfter(furthest, id)
		}
		made, err := m.keepStage(ctx, b, u, text, c)
		if err != nil {
			return furthest, id, err // on what is kept, if that is still there
		}
		if made != "" {
			furthest, id = c.Checkpoint, made
		}
	}
	return furthest, id, nil
}

// keepStage builds what a checkpoint holds and keeps it under its key. It returns "" where that was done so quickly
// that it is not worth it.
func (m keptStages) keepStage(ctx context.Context, b *builder.Builder, u Unit, text []byte,
	c stageCheckpoint) (id string, err error) {
	release, err := b.Alone(ctx, "stage-"+c.key)
	if err != nil {
		return "", err
	}
	defer release()
	if image, err := b.Image(ctx, m.stageName(c.key)); err == nil { // another run was quicker
		return image.ID, nil
	}
	begin := time.Now()
	build := u.build
	build.Dockerfile, build.Labels, build.Timestamp, build.Secrets = text, nil, time.Time{}, nil
	image, err := b.Build(ctx, build)
	if err != nil {
		return "", err
	}
	if took := time.Since(begin); took < m.keepAfter() {
		return "", errors.Join(b.Remove(image.ID), m.rememberAsQuick(c.cost, took))
	}
	// the key may say something else than the image has
	if changed, err := m.Sources.IsChanged(ctx, u.tree, u.Source.Read); changed || err != nil {
		return "", errors.Join(err, b.Remove(image.ID))
	}
	if err := b.Name(image, m.stageName(c.key)); err != nil {
		return "", errors.Join(err, b.Remove(image.ID))
	}
	return image.ID, m.dropStages(b)
}

// sourceVariables is the instruction that tells a stage of its commit.
var sourceVariables = regexp.Delayed(`(?m)^ENV SOURCE_GIT_COMMIT=.*\n`)

// stageCheckpoint digests everything that decides what a checkpoint holds. The error is source.ErrNotDigested where
// that cannot be told.
func (m keptStages) stageCheckpoint(ctx context.Context, u Unit, c dockerfile.Checkpoint) (stageCheckpoint, error) {
	sources, err := m.Sources.DigestFiles(ctx, u.build.Context, u.build.Hidden, c.Sources)
	if err != nil {
		return stageCheckpoint{}, err
	}
	inputs := stageInputs{
		Version: recordVersion, Dockerfile: string(c.Text()), Args: u.Recipe.BuildArgs, Sources: sources,
		Platform: m.platform(), Network: m.Build.Network, Heads: u.tree.Heads, Archive: u.Source.Archive.String(),
	}
	if len(u.build.Caches) > 0 {
		if inputs.Compile, err = cache.Generation(filepath.Dir(u.build.Caches[0].Directory)); err != nil {
			return stageCheckpoint{}, err
		}
	}
	key, err := keyOf(inputs)
	if err != nil {
		return stageCheckpoint{}, err
	}
	cost, err := keyOf(stageInputs{Dockerfile: sourceVariables.ReplaceAllString(string(c.Text()), ""),
		Platform: m.platform()})
	return stageCheckpoint{c, key, cost}, err
}
