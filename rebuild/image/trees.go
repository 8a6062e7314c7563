package image

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
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

// resumeTree returns the checkpoint at which a stage has the source of a unit that its user edits, and the ID of an image
// that stands for it; "" where there is none. earlier is a checkpoint before, with its image.
func (m keptStages) resumeTree(ctx context.Context, b *builder.Builder, u *Unit, t dockerfile.Tree, earlier dockerfile.Checkpoint, image string) (
	at dockerfile.Checkpoint, id string, err error,
) {
	if driver, _ := b.Driver(); driver != "overlay" || !m.Sources.IsLive(u.tree) { // another one copies the whole base for each layer
		return at, "", nil
	}
	for _, name := range []string{".dockerignore", ".containerignore"} { // what they leave out would be copied
		if _, err := os.Lstat(filepath.Join(u.build.Context, name)); !errors.Is(err, fs.ErrNotExist) {
			return at, "", err
		}
	}
	now, err := source.List(ctx, u.build.Context, u.build.Hidden)
	if err == nil && len(now) >= cmp.Or(m.KeepTreesOf, minTree) {
		err = now.AddRepository(u.build.Context)
	}
	if errors.Is(err, fs.ErrNotExist) { // it is being changed
		return at, "", nil
	}
	if err != nil || len(now) < cmp.Or(m.KeepTreesOf, minTree) || !now.IsPlain(u.build.Context) {
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
	if at, id, err = m.changeTree(ctx, b, u, t, record, now); err != nil || id != "" {
		return at, id, err
	}
	again, err := m.recur(one.key)
	if !again && !u.Source.Dirty || err != nil { // a tree with changes is being worked on
		return at, "", err
	}
	text := t.Before().Text()
	if image != "" {
		text = t.Before().TextAfter(earlier, image)
	}
	return m.keepTree(ctx, b, u, t, text, image, record, now)
}

// readTree returns the zero value where there is no record, or none that can be used.
func readTree(record string) keptTree {
	var kept keptTree
	if data, err := regular.Read(record, maxTree); err != nil || json.Unmarshal(data, &kept) != nil {
		return keptTree{}
	}
	return kept
}

// changeTree makes a tree that is kept into the one that is there now.
func (m keptStages) changeTree(ctx context.Context, b *builder.Builder, u *Unit, t dockerfile.Tree, record string, now source.Listing) (
	at dockerfile.Checkpoint, id string, err error,
) {
	kept := readTree(record)
	changed, ok := now.Since(kept.Files)
	if kept.Stage == "" || !ok || len(changed) > maxChanged {
		return at, "", nil
	}
	image, err := b.Stage(ctx, m.stageName(kept.Stage))
	if errors.Is(err, builder.ErrNotFound) {
		return at, "", nil
	}
	if err != nil {
		return at, "", err
	}
	cache.Touch(record)
	cache.Touch(m.cached(cache.Stages, kept.Stage))
	if len(changed) == 0 {
		return t.Checkpoint, image, nil
	}
	directory, err := os.MkdirTemp(m.Scratch, "changed-")
	if err != nil {
		return at, "", fmt.Errorf("copying what changed: %w", err)
	}
	target, err := os.OpenRoot(directory)
	if err != nil {
		return at, "", fmt.Errorf("copying what changed: %w", err)
	}
	defer target.Close()
	err = source.CopyChanged(ctx, u.build.Context, changed, target)
	if errors.Is(err, source.ErrNotDigested) || errors.Is(err, fs.ErrNotExist) {
		return at, "", nil
	}
	if err != nil {
		return at, "", err
	}
	name := "oc-rebuild-changed-" + strconv.Itoa(t.Stage)
	u.build.Contexts = maps.Clone(u.build.Contexts)
	if u.build.Contexts == nil {
		u.build.Contexts = map[string]string{}
	}
	u.build.Contexts[name] = directory
	return t.Changed(name), image, nil
}

// keepTree keeps a stage with the tree in it that is there now. text builds the stage without it, on the
// image of an earlier checkpoint or on its base.
func (m keptStages) keepTree(ctx context.Context, b *builder.Builder, u *Unit, t dockerfile.Tree, text []byte, earlier, record string, now source.Listing) (
	at dockerfile.Checkpoint, id string, err error,
) {
	kept := keptTree{Files: now}
	if kept.Stage, err = keyOf(struct {
		Record string
		Files  source.Listing
	}{filepath.Base(record), now}); err != nil {
		return at, "", err
	}
	if _, err := m.recur(kept.Stage); err != nil {
		return at, "", err
	}
	release, err := b.Alone(ctx, "stage-"+kept.Stage)
	if err != nil {
		return at, "", err
	}
	defer release()
	if id, err = b.Stage(ctx, m.stageName(kept.Stage)); errors.Is(err, builder.ErrNotFound) {
		id, err = m.layTree(ctx, b, u, t, text, earlier, kept.Stage, now)
	}
	if err != nil || id == "" {
		return at, "", err
	}
	before := readTree(record).Stage
	data, err := json.Marshal(kept)
	if err == nil {
		err = regular.Replace(record, data, 0o600)
	}
	if err == nil && before != "" && before != kept.Stage { // one tree is enough
		err = errors.Join(os.Remove(m.cached(cache.Stages, before)), b.Forget(m.stageName(before)))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return at, "", fmt.Errorf("recording a stage: %w", err)
	}
	return t.Checkpoint, id, m.dropStages(b)
}

// layTree builds a stage up to the tree, and lays the tree over it. It returns "" where that cannot be done as the build
// would do it: then the build does.
func (m keptStages) layTree(ctx context.Context, b *builder.Builder, u *Unit, t dockerfile.Tree, before []byte, earlier, key string, now source.Listing) (
	id string, err error,
) {
	build := u.build
	build.Dockerfile, build.Labels, build.Timestamp, build.Secrets = before, nil, time.Time{}, nil
	image, err := b.Build(ctx, build)
	if err != nil {
		return "", err
	}
	if image.ID != u.stageBase(t.Stage).ID && image.ID != earlier { // there were steps: it is a new image
		if _, err := m.recur(key + "-before"); err != nil {
			return "", err
		}
		if err := b.Name(image, m.stageName(key+"-before")); err != nil { // so that it is dropped some day where this run is killed
			return "", errors.Join(err, b.Remove(image.ID))
		}
		defer func() { err = errors.Join(err, b.Forget(m.stageName(key+"-before"))) }()
	}
	var failure error
	id, err = b.Extend(image, m.stageName(key), t.Target, func(directory *os.Root) error {
		failure = now.Copy(ctx, u.build.Context, directory)
		return failure
	})
	switch {
	case ctx.Err() != nil:
		return "", errors.Join(context.Cause(ctx), err)
	case failure != nil:
		return "", nil
	case err != nil:
		return "", err
	}
	if changed, err := m.Sources.IsChanged(u.tree, u.Source.Read); changed || err != nil { // the record would say something else than the image has
		return "", errors.Join(err, b.Forget(m.stageName(key)))
	}
	return id, nil
}
