package builder

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.podman.io/storage"
)

// slowStore is a storage whose deletions take a while.
type slowStore struct {
	storage.Store
	deleted atomic.Int64
}

func (s *slowStore) DeleteContainer(id string) error {
	time.Sleep(time.Millisecond)
	s.deleted.Add(1)
	switch id {
	case "gone":
		return storage.ErrContainerUnknown
	case "broken":
		return errors.New("no space")
	}
	return nil
}

func (s *slowStore) Containers() ([]storage.Container, error) { return nil, nil }

// TestRemovalsOfSeveralBuilds deletes containers and looks for them from many goroutines, as builds side by side do.
func TestRemovalsOfSeveralBuilds(t *testing.T) {
	slow := &slowStore{}
	store := ownedStore{Store: slow, removals: &removals{}}
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 50 {
				if err := store.DeleteContainer("one"); err != nil {
					t.Error(err)
				}
				before := slow.deleted.Load()
				if _, err := store.Containers(); err != nil || slow.deleted.Load() == before {
					t.Errorf("Containers did not wait for the deletion (%v)", err)
				}
			}
		})
	}
	group.Wait()
	for _, id := range []string{"gone", "broken"} {
		if err := store.DeleteContainer(id); err != nil {
			t.Error(err)
		}
	}
	if err := store.removals.finish(); err == nil || !strings.Contains(err.Error(), "broken") || strings.Contains(err.Error(), "gone") {
		t.Errorf("finish: %v", err)
	}
	if got := slow.deleted.Load(); got != 16*50+2 {
		t.Errorf("%d containers were deleted", got)
	}
}
