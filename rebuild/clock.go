package rebuild

import (
	"math"
	"sync"
	"time"
)

// clock adds up how long each stage took, for each component and for the whole job.
type clock struct {
	begin time.Time
	mu    sync.Mutex
	spent map[string]map[string]float64
}

func newClock() *clock { return &clock{begin: time.Now(), spent: map[string]map[string]float64{}} }

// start begins to measure a stage of a component; the function it returns ends that.
func (c *clock) start(component string, stage Stage) (stop func()) {
	begin := time.Now()
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.spent[component] == nil {
			c.spent[component] = map[string]float64{}
		}
		c.spent[component][string(stage)] += time.Since(begin).Seconds()
	}
}

// seconds returns what was measured for a component, in milliseconds' precision. The whole job's ("") has the total besides.
func (c *clock) seconds(component string) map[string]float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	rounded := map[string]float64{}
	for stage, seconds := range c.spent[component] {
		rounded[stage] = math.Round(seconds*1000) / 1000
	}
	if component == "" {
		rounded["total"] = math.Round(time.Since(c.begin).Seconds()*1000) / 1000
	}
	return rounded
}
