package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

// maxStages is how many images of beginnings of stages are kept.
const maxStages = 16

// keepAfter is the time below which what a stage does is done again. To make one layer of a kept stage and the rest
// takes about 2 s.
func (m keptStages) keepAfter() time.Duration {
	if m.KeepStagesAfter > 0 {
		return m.KeepStagesAfter
	}
	return 3 * time.Second
}

// knownAsQuick reports whether a checkpoint was found to be not worth keeping.
func (m keptStages) knownAsQuick(cost string) bool {
	_, err := os.Stat(m.cached(cache.Stages, cost))
	return err == nil
}

// rememberAsQuick records that a checkpoint is not worth keeping.
func (m keptStages) rememberAsQuick(cost string, took time.Duration) error {
	if err := os.WriteFile(m.cached(cache.Stages, cost), []byte(took.String()), 0o600); err != nil {
		return fmt.Errorf("recording a stage: %w", err)
	}
	return nil
}

// location says where the images of a record lie.
type location struct {
	Root   string `json:"root,omitempty"`
	Driver string `json:"driver,omitempty"`
}

// recur records that the inputs of a checkpoint came, and reports whether they came before.
func (m keptStages) recur(key string) (bool, error) {
	path := m.cached(cache.Stages, key)
	if _, err := os.Stat(path); err == nil {
		cache.Touch(path)
		return true, nil
	}
	where := location{Driver: m.Build.StorageDriver}
	if m.Build.StorageRoot != "" {
		var err error
		if where.Root, err = filepath.Abs(m.Build.StorageRoot); err != nil {
			return false, fmt.Errorf("recording a stage: %w", err)
		}
	}
	data, err := json.Marshal(where)
	if err != nil {
		return false, fmt.Errorf("recording a stage: %w", err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return false, fmt.Errorf("recording a stage: %w", err)
	}
	return false, nil
}

// ForgetStages removes the images that builds with a cache left in containers storage for later builds, where they
// were last used before a time. The records of them are left to cache.Prune.
func ForgetStages(ctx context.Context, directory string, before time.Time) error {
	records, err := os.ReadDir(filepath.Join(directory, cache.Stages))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listing kept stages: %w", err)
	}
	old := map[location][]string{}
	for _, record := range records {
		path := filepath.Join(directory, cache.Stages, record.Name())
		info, err := os.Stat(path)
		// which is no image's
		if err != nil || !info.ModTime().Before(before) || strings.HasSuffix(record.Name(), treeSuffix) {
			continue
		}
		var where location
		if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &where) == nil {
			old[where] = append(old[where], stagePrefix(directory)+record.Name())
		}
	}
	for where, names := range old {
		if err := where.forget(ctx, names); err != nil {
			return fmt.Errorf("removing kept stages: %w", err)
		}
	}
	return nil
}

// forget removes images by name.
func (s location) forget(ctx context.Context, names []string) (err error) {
	// Nothing is built: no runtime has to be tried.
	b, err := builder.Open(ctx, builder.Options{StorageRoot: s.Root, StorageDriver: s.Driver, Temp: os.TempDir(),
		Isolation: "chroot"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	for _, name := range names {
		err = errors.Join(err, b.Forget(name))
	}
	return err
}

// stagePrefix begins the names of kept images in local storage, which several caches may share.
func stagePrefix(directory string) string {
	sum := sha256.Sum256([]byte(directory))
	return "localhost/oc-rebuild-stage:" + hex.EncodeToString(sum[:6]) + "-"
}

// stageName is what the image of a checkpoint is called in local storage.
func (m keptStages) stageName(key string) string { return stagePrefix(m.CacheDir) + key }

// dropStages removes the images of checkpoints whose records were pruned, and of those that are left, the ones that
// were used longest ago.
func (m keptStages) dropStages(b *builder.Builder) error {
	prefix := stagePrefix(m.CacheDir)
	names, err := b.Named(prefix)
	if err != nil {
		return err
	}
	used := map[string]int64{}
	for _, name := range names {
		if info, err := os.Stat(m.cached(cache.Stages, strings.TrimPrefix(name, prefix))); err == nil {
			used[name] = info.ModTime().UnixNano()
		}
	}
	slices.SortFunc(names, func(a, b string) int { return int(used[b]/1000 - used[a]/1000) })
	for i, name := range names {
		if i < maxStages && used[name] != 0 {
			continue
		}
		if err := b.Forget(name); err != nil {
			return err
		}
	}
	return nil
}
