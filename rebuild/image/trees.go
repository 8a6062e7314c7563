package image

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// To copy the tree of a large repository into a stage takes a second or two each time, for the one file that somebody
// edits. So the stage is kept with the tree in it, if that has changes or comes for the second time: it takes no longer
// than the step would. Of the next edit, only what changed is copied.

const (
	treeSuffix = "-tree" // of the names of records
	// minTree is how many files a tree has, at the least, that is worth it.
	minTree = 1000
	// maxChanged is how many may have changed: beyond that the tree is kept anew.
	maxChanged = 200
	// maxTree is the largest record of a tree that is read, in bytes: that of 10,000 files has 1 MB.
	maxTree = 128 << 20
)

// keptTree is the record of a stage that is kept with a tree in it.
type keptTree struct {
	Stage string         `json:"stage"` // key of the image
	Files source.Listing `json:"files"` // of the tree
}

// treeStage is a stage that takes the tree which a user edits.
type treeStage struct {
	keptStages
	builder *builder.Builder
	unit    *Unit
	dockerfile.Tree
	earlier dockerfile.Checkpoint // before the tree, with its image; "" = there is none
	image   string
	record  string         // path of the record
	kept    keptTree       // what it says; the zero value where there is none, or none that can be used
	now     source.Listing // of the tree
}

// resumeTree returns the checkpoint at which a stage has the source of a unit that its user edits, and the ID of an
// image that stands for it; "" where there is none. earlier is a checkpoint before, with its image.
func (m keptStages) resumeTree(ctx context.Context, b *builder.Builder, u *Unit, t dockerfile.Tree,
	earlier dockerfile.Checkpoint, image string) (
	at dockerfile.Checkpoint, id string, err error,
) {
	// another one copies the whole base for each layer
	if driver, _ := b.Driver(); driver != "overlay" || !m.Sources.IsLive(u.tree) {
		return at, "", nil
	}
	for _, name := range []string{".dockerignore", ".containerignore"} { // what they leave out would be copied
		if _, err := os.Lstat(filepath.Join(u.build.Context, name)); !errors.Is(err, fs.ErrNotExist) {
			return at, "", err
		}
	}
	now, err := m.Sources.List(ctx, u.build.Context, u.build.Hidden)
	if err != nil || len(now) < cmp.Or(m.KeepTreesOf, minTree) {
		return at, "", err
	}
	if !slices.Contains(u.build.Hidden, ".git") {
		err = now.AddRepository(ctx, u.build.Context)
	}
	if err != nil || !now.IsPlain(u.build.Context) {
		return at, "", err
	}
	one, err := m.stageCheckpoint(ctx, *u, t.Checkpoint)
	if errors.Is(err, source.ErrNotDigested) {
		return at, "", nil
	}
	if err != nil {
		return at, "", err
	}
	record := m.cached(cache.Stages, one.key+treeSuffix)
	stage := treeStage{m, b, u, t, earlier, image, record, readTree(record), now}
	if at, id, err = stage.change(ctx); err != nil || id != "" {
		return at, id, err
	}
	again, err := m.recur(one.key)
	if !again && !u.Source.Dirty || err != nil { // a tree with changes is being worked on
		return at, "", err
	}
	return stage.keep(ctx)
}

// readTree returns the zero value where there is no record, or none that can be used.
func readTree(record string) keptTree {
	var kept keptTree
	if data, err := regular.Read(record, maxTree); err != nil || json.Unmarshal(data, &kept) != nil {
		return keptTree{}
	}
	return kept
}

// change makes the tree that is kept into the one that is there now.
func (s treeStage) change(ctx context.Context) (at dockerfile.Checkpoint, id string, err error) {
	changed, ok := s.now.Since(s.kept.Files)
	if s.kept.Stage == "" || !ok || len(changed) > maxChanged {
		return at, "", nil
	}
	image, err := s.builder.Stage(ctx, s.stageName(s.kept.Stage))
	if errors.Is(err, builder.ErrNotFound) {
		return at, "", nil
	}
	if err != nil {
		return at, "", err
	}
	cache.Touch(s.record)
	cache.Touch(s.cached(cache.Stages, s.kept.Stage))
	if len(changed) == 0 {
		return s.Checkpoint, image, nil
	}
	directory, err := os.MkdirTemp(s.Scratch, "changed-")
	if err != nil {
		return at, "", fmt.Errorf("copying what changed: %w", err)
	}
	target, err := os.OpenRoot(directory)
	if err != nil {
		return at, "", fmt.Errorf("copying what changed: %w", err)
	}
	defer target.Close()
	build := &s.unit.build
	err = source.CopyChanged(ctx, build.Context, changed, target)
	if errors.Is(err, source.ErrNotDigested) || errors.Is(err, fs.ErrNotExist) {
		return at, "", nil
	}
	if err != nil {
		return at, "", err
	}
	name := "oc-rebuild-changed-" + strconv.Itoa(s.Stage)
	if build.Contexts == nil {
		build.Contexts = map[string]string{}
	}
	build.Contexts[name] = directory
	return s.Changed(name), image, nil
}

// keep keeps the stage with the tree in it that is there now.
func (s treeStage) keep(ctx context.Context) (at dockerfile.Checkpoint, id string, err error) {
	kept := keptTree{Files: s.now}
	if kept.Stage, err = keyOf(struct {
		Record string
		Files  source.Listing
	}{filepath.Base(s.record), s.now}); err != nil {
		return at, "", err
	}
	if _, err := s.recur(kept.Stage); err != nil {
		return at, "", err
	}
	release, err := s.builder.Alone(ctx, "stage-"+kept.Stage)
	if err != nil {
		return at, "", err
	}
	defer release()
	if id, err = s.builder.Stage(ctx, s.stageName(kept.Stage)); errors.Is(err, builder.ErrNotFound) {
		id, err = s.lay(ctx, kept.Stage)
	}
	if err != nil || id == "" {
		return at, "", err
	}
	data, err := json.Marshal(kept)
	if err == nil {
		err = regular.Replace(s.record, data, 0o600)
	}
	if err == nil && s.kept.Stage != "" && s.kept.Stage != kept.Stage { // one tree is enough
		err = s.builder.Forget(s.stageName(s.kept.Stage))
	}
	if err != nil {
		return at, "", fmt.Errorf("recording a stage: %w", err)
	}
	return s.Checkpoint, id, s.dropStages(s.builder)
}

// lay builds the stage up to the tree, and lays the tree over it. It returns "" where that cannot be done as the build
// would do it: then the build does.
func (s treeStage) lay(ctx context.Context, key string) (id string, err error) {
	before := s.Before()
	build := s.unit.build
	build.Dockerfile, build.Labels, build.Timestamp, build.Secrets = before.Text(), nil, time.Time{}, nil
	if s.image != "" {
		build.Dockerfile = before.TextAfter(s.earlier, s.image)
	}
	image, err := s.builder.Build(ctx, build)
	if err != nil {
		return "", err
	}
	if image.ID != s.unit.stageBase(s.Stage).ID && image.ID != s.image { // there were steps: it is a new image
		name := s.stageName(key + "-before")
		_, err = s.recur(key + "-before")
		if err == nil {
			err = s.builder.Name(image, name) // so that it is dropped some day where this run is killed
		}
		if err != nil {
			return "", errors.Join(err, s.builder.Remove(image.ID))
		}
		defer func() { err = errors.Join(err, s.builder.Forget(name)) }()
	}
	var failure error
	id, err = s.builder.Extend(image, s.stageName(key), s.Target, func(directory *os.Root) error {
		failure = s.now.Copy(ctx, build.Context, directory)
		return failure
	})
	switch {
	case ctx.Err() != nil:
		return "", errors.Join(context.Cause(ctx), err)
	case failure != nil || err != nil: // such as a link on the way to the directory
		return "", nil
	}
	// the record would say something else
	if changed, err := s.keptStages.Sources.IsChanged(ctx, s.unit.tree, s.unit.Source.Read); changed || err != nil {
		return "", errors.Join(err, s.builder.Forget(s.stageName(key)))
	}
	return id, nil
}
