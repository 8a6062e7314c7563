package builder

import (
	"errors"
	"fmt"
	"sync"

	"go.podman.io/storage"
)

// removals are deletions of containers that are under way: those of a large build have tens of thousands of files, whose removal takes as
// long as to compress the new layer.
type removals struct {
	group sync.WaitGroup
	mu    sync.Mutex
	err   error
}

// begin deletes a container while the program goes on.
func (r *removals) begin(store storage.Store, id string) {
	r.group.Go(func() {
		err := store.DeleteContainer(id)
		if err != nil && !errors.Is(err, storage.ErrContainerUnknown) && !errors.Is(err, storage.ErrNotAContainer) { // others may delete it
			r.mu.Lock()
			defer r.mu.Unlock()
			r.err = errors.Join(r.err, fmt.Errorf("deleting container %s: %w", id, err))
		}
	})
}

// wait returns when no deletion is under way, with the errors of those since the last time.
func (r *removals) wait() error {
	r.group.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.err
	r.err = nil
	return err
}

// DeleteContainer implements storage.Store. It does not wait for the end; what could find the container still there does.
func (s ownedStore) DeleteContainer(id string) error {
	s.removals.begin(s.Store, id)
	return nil
}

// DeleteImage implements storage.Store.
func (s ownedStore) DeleteImage(id string, commit bool) ([]string, error) {
	s.removals.group.Wait() // the errors are for Close
	return s.Store.DeleteImage(id, commit)
}

// Containers implements storage.Store.
func (s ownedStore) Containers() ([]storage.Container, error) {
	s.removals.group.Wait()
	return s.Store.Containers()
}
