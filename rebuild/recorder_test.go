package rebuild_test

import (
	"sync"

	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// recorder is a Progress that remembers.
type recorder struct {
	mu     sync.Mutex
	events []progress.Event
}

func (r *recorder) Report(event progress.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, event)
}

// saw reports whether a stage of a component was in a state.
func (r *recorder) saw(component string, stage progress.Stage, state progress.State) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, event := range r.events {
		if event.Component == component && event.Stage == stage && event.State == state {
			return true
		}
	}
	return false
}
