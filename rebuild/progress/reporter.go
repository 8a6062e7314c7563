package progress

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// Reporter tells a listener what a job does, and adds up how long each stage took, for each component and for the
// whole job.
type Reporter struct {
	listener Listener
	begin    time.Time

	mu    sync.Mutex
	spent map[string]map[string]float64
}

// NewReporter begins to measure. A nil listener hears nothing.
func NewReporter(listener Listener) *Reporter {
	if listener == nil {
		listener = Silent{}
	}
	return &Reporter{listener: listener, begin: time.Now(), spent: map[string]map[string]float64{}}
}

// Report tells of a stage of a component; "" is the payload as a whole.
func (r *Reporter) Report(component string, stage Stage, state State, format string, args ...any) {
	r.Tell(Event{Component: component, Stage: stage, State: state, Message: fmt.Sprintf(format, args...)})
}

// Tell is Report for an event that says more.
func (r *Reporter) Tell(event Event) { r.listener.Report(event) }

// Start begins to measure a stage of a component; the function it returns ends that.
func (r *Reporter) Start(component string, stage Stage) (stop func()) {
	begin := time.Now()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.spent[component] == nil {
			r.spent[component] = map[string]float64{}
		}
		r.spent[component][string(stage)] += time.Since(begin).Seconds()
	}
}

// Seconds returns what was measured for a component, in milliseconds' precision. The whole job's ("") has the total
// besides.
func (r *Reporter) Seconds(component string) map[string]float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	rounded := map[string]float64{}
	for stage, seconds := range r.spent[component] {
		rounded[stage] = math.Round(seconds*1000) / 1000
	}
	if component == "" {
		rounded["total"] = math.Round(time.Since(r.begin).Seconds()*1000) / 1000
	}
	return rounded
}
