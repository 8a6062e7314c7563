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
// edits. So the stage is kept with the tree in it once it comes for the second time, and what changed since is copied
// over it.

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
	if !m.Sources.IsLive(u.tree) {
		return at, "", nil
	}
	for _, name := range []string{".dockerignore", ".containerignore"} { // what they leave out would be copied
		if _, err := os.Lstat(filepath.Join(u.build.Context, name)); !errors.Is(err, fs.ErrNotExist) {
			return at, "", err
		}
	}
	now, err := source.List(ctx, u.build.Context, u.build.Hidden)
	if err != nil || len(now) < cmp.Or(m.KeepTreesOf, minTree) {
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
	if !again || err != nil {
		return at, "", err
	}
	text := t.Text()
	if image != "" {
		text = t.TextAfter(earlier, image)
	}
	return m.keepTree(ctx, b, u, t, text, record, now)
}

// changeTree makes a tree that is kept into the one that is there now.
func (m keptStages) changeTree(ctx context.Context, b *builder.Builder, u *Unit, t dockerfile.Tree, record string, now source.Listing) (
	at dockerfile.Checkpoint, id string, err error,
) {
	var kept keptTree
	if data, err := regular.Read(record, maxTree); err != nil || json.Unmarshal(data, &kept) != nil {
		return at, "", nil //nolint:nilerr // there is none, or none that can be used
	}
	changed, ok := now.Since(kept.Files)
	if !ok || len(changed) > maxChanged {
		return at, "", nil
	}
	image, err := b.Image(ctx, m.stageName(kept.Stage))
	if errors.Is(err, builder.ErrNotFound) {
		return at, "", nil
	}
	if err != nil {
		return at, "", err
	}
	cache.Touch(record)
	cache.Touch(m.cached(cache.Stages, kept.Stage))
	if len(changed) == 0 {
		return t.Checkpoint, image.ID, nil
	}
	directory, err := os.MkdirTemp(m.Scratch, "changed-")
	if err != nil {
		return at, "", fmt.Errorf("copying what changed: %w", err)
	}
	err = source.CopyChanged(ctx, u.build.Context, changed, directory)
	if errors.Is(err, source.ErrNotDigested) {
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
	return t.Changed(name), image.ID, nil
}

// keepTree keeps a stage with the tree in it that is there now.
func (m keptStages) keepTree(ctx context.Context, b *builder.Builder, u *Unit, t dockerfile.Tree, text []byte, record string, now source.Listing) (
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
	id, err = m.keepStage(ctx, b, *u, text, kept.Stage, func(time.Duration) (bool, error) { return true, nil })
	if err != nil || id == "" {
		return at, "", err
	}
	data, err := json.Marshal(kept)
	if err == nil {
		err = regular.Replace(record, data, 0o600)
	}
	if err != nil {
		return at, "", fmt.Errorf("recording a stage: %w", err)
	}
	return t.Checkpoint, id, nil
}
