package builder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.podman.io/storage"

	"github.com/oc-rebuild/oc-rebuild/internal/flock"
)

// runs is the directory of a storage with one directory for each run that has it open. The run holds a lock on its
// own: beside the images, where all see it that can see the containers, whatever their /tmp and their process IDs
// are.
const runs = "oc-rebuild"

// mark begins the metadata of the containers that this program makes; the name of the run follows. Those of podman
// have other metadata, those of buildah none.
const mark = "oc-rebuild "

// ownedStore is a storage that marks each new container with the run that made it, in the moment in which it is made.
type ownedStore struct {
	storage.Store
	run      string
	removals *removals
}

// CreateContainer implements storage.Store.
func (s ownedStore) CreateContainer(id string, names []string, image, layer, metadata string,
	options *storage.ContainerOptions) (*storage.Container, error) {
	if metadata == "" {
		metadata = mark + s.run
	}
	return s.Store.CreateContainer(id, names, image, layer, metadata, options)
}

// own makes the directory of this run in a storage.
func own(store storage.Store) (ownedStore, *flock.Lock, error) {
	parent := filepath.Join(store.GraphRoot(), runs)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return ownedStore{}, nil, fmt.Errorf("making a directory of this run: %w", err)
	}
	path, lock, err := flock.MakeHeld(parent, "run-")
	return ownedStore{store, filepath.Base(path), &removals{}}, lock, err
}

// disown removes what this run left in the storage: containers of builds that were interrupted, and the run's
// directory.
func (b *Builder) disown() error {
	containers, err := b.containers(func(run string) bool { return run == b.store.run })
	if err == nil {
		err = b.delete(containers)
	}
	return errors.Join(err, b.store.removals.finish(), os.Remove(filepath.Join(b.store.GraphRoot(), runs, b.store.run)),
		b.alive.Release())
}

// Clear removes what runs of this program that were killed left in the storage of options. It does not open it where
// there is nothing.
func Clear(options Options) error {
	storeOptions, err := storeOptions(options)
	if err != nil {
		return err
	}
	if left, err := left(storeOptions.GraphRoot); err != nil || !left {
		return err
	}
	b, err := openStorage(options, storeOptions)
	if err != nil {
		return err
	}
	_, err = b.DeleteAbandoned()
	return errors.Join(err, b.Close())
}

// left reports whether a run that was killed left its directory in a storage.
func left(root string) (bool, error) {
	paths, err := filepath.Glob(filepath.Join(root, runs, "*"))
	for _, path := range paths {
		if lock, err := flock.Seize(path); err == nil && lock != nil {
			return true, lock.Release()
		}
	}
	return false, err
}

// Abandoned returns the containers of runs of this program that were killed.
func (b *Builder) Abandoned() ([]storage.Container, error) {
	return b.containers(b.isDead)
}

// DeleteAbandoned deletes the containers of runs of this program that were killed, with what is mounted of them, and
// returns their IDs.
func (b *Builder) DeleteAbandoned() ([]string, error) {
	containers, err := b.Abandoned()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(b.delete(containers), b.deleteLayers(b.isDead)); err != nil {
		return nil, err
	}
	var deleted []string
	for _, container := range containers {
		deleted = append(deleted, container.ID)
	}
	return deleted, b.forget()
}

// containers returns this program's containers of some runs.
func (b *Builder) containers(of func(run string) bool) ([]storage.Container, error) {
	all, err := b.store.Containers()
	if err != nil {
		return nil, fmt.Errorf("listing the containers of the storage: %w", err)
	}
	var found []storage.Container
	for _, container := range all {
		if run, ours := strings.CutPrefix(container.Metadata, mark); ours && of(run) {
			found = append(found, container)
		}
	}
	return found, nil
}

// delete unmounts and deletes containers.
func (b *Builder) delete(containers []storage.Container) error {
	for _, container := range containers {
		_, _ = b.store.Unmount(container.ID, true) // it may not be mounted
		if err := b.store.DeleteContainer(container.ID); err != nil {
			return err
		}
	}
	return nil
}

// isDead reports whether nobody holds the lock of a run.
func (b *Builder) isDead(run string) bool {
	if run != filepath.Base(run) || run == b.store.run {
		return false
	}
	lock, err := flock.Seize(filepath.Join(b.store.GraphRoot(), runs, run))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return lock != nil && lock.Release() == nil
}

// forget removes the directories of runs that were killed.
func (b *Builder) forget() error {
	parent := filepath.Join(b.store.GraphRoot(), runs)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return fmt.Errorf("listing the runs of the storage: %w", err)
	}
	for _, entry := range entries {
		path := filepath.Join(parent, entry.Name())
		lock, err := flock.Seize(path)
		if err != nil || lock == nil {
			continue // gone, or in use
		}
		// Removed before the lock is released: a run that has just made it then sees that it is gone, and makes
		// another.
		_ = os.Remove(path)
		if err := lock.Release(); err != nil {
			return err
		}
	}
	return nil
}
