package builder

import (
	"errors"
	"fmt"
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
	ids     sync.Map
}

func (s *slowStore) DeleteContainer(id string) error {
	time.Sleep(time.Millisecond)
	s.deleted.Add(1)
	s.ids.Store(id, true)
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
	for build := range 16 {
		group.Go(func() {
			for step := range 50 {
				id := fmt.Sprintf("%d-%d", build, step)
				if err := store.DeleteContainer(id); err != nil {
					t.Error(err)
				}
				if _, err := store.Containers(); err != nil {
					t.Error(err)
				}
				if _, deleted := slow.ids.Load(id); !deleted {
					t.Errorf("Containers did not wait for the deletion of %s", id)
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
	if err := store.removals.finish(); err == nil || !strings.Contains(err.Error(), "broken") ||
		strings.Contains(err.Error(), "gone") {
		t.Errorf("finish: %v", err)
	}
	if got := slow.deleted.Load(); got != 16*50+2 {
		t.Errorf("%d containers were deleted", got)
	}
}
