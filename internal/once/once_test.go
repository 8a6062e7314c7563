package once_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/once"
)

func TestMap(t *testing.T) {
	var m once.Map[int]
	var asked atomic.Int64
	failed := errors.New("failed")
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			key := []string{"good", "bad"}[i%2]
			got, err := m.Do(key, func() (int, error) {
				asked.Add(1)
				if key == "bad" {
					return 0, failed
				}
				return 7, nil
			})
			if key == "good" && (got != 7 || err != nil) || key == "bad" && !errors.Is(err, failed) {
				t.Errorf("Do(%s) = %d, %v", key, got, err)
			}
		})
	}
	group.Wait()
	if asked.Load() != 2 || !m.Has("good") || !m.Has("bad") || m.Has("other") {
		t.Errorf("asked %d times", asked.Load())
	}
}
