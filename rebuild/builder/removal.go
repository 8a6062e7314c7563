package builder

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"go.podman.io/storage"
)

// removals are deletions of containers that are under way: those of a large build have tens of thousands of files,
// whose removal takes as long as to compress the new layer.
type removals struct {
	mu      sync.Mutex
	pending map[chan struct{}]bool // each is closed when a deletion ends
	err     error
}

// begin deletes a container while the program goes on.
func (r *removals) begin(store storage.Store, id string) {
	done := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending == nil {
		r.pending = map[chan struct{}]bool{}
	}
	r.pending[done] = true
	go func() {
		defer close(done)
		err := store.DeleteContainer(id)
		// others may delete it
		if errors.Is(err, storage.ErrContainerUnknown) || errors.Is(err, storage.ErrNotAContainer) {
			err = nil
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.pending, done)
		if err != nil {
			r.err = errors.Join(r.err, fmt.Errorf("deleting container %s: %w", id, err))
		}
	}()
}

// wait returns when the deletions that have begun have ended; others may begin meanwhile.
func (r *removals) wait() {
	r.mu.Lock()
	pending := slices.Collect(maps.Keys(r.pending))
	r.mu.Unlock()
	for _, done := range pending {
		<-done
	}
}

// finish waits, and returns the errors of all deletions.
func (r *removals) finish() error {
	r.wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// DeleteContainer implements storage.Store. It does not wait for the end: calls that would see the container do.
func (s ownedStore) DeleteContainer(id string) error {
	s.removals.begin(s.Store, id)
	return nil
}

// DeleteImage implements storage.Store.
func (s ownedStore) DeleteImage(id string, commit bool) ([]string, error) {
	s.removals.wait() // the errors are for Close
	return s.Store.DeleteImage(id, commit)
}

// Containers implements storage.Store.
func (s ownedStore) Containers() ([]storage.Container, error) {
	s.removals.wait()
	return s.Store.Containers()
}
