package cli

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/rebuild"
)

// writes remembers each write by itself.
type writes struct {
	mu  sync.Mutex
	all []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p), nil
}

func TestLinesOfSeveralComponentsDoNotInterleave(t *testing.T) {
	var w writes
	display := &lines{w: &w, verbose: true, begin: time.Now()}
	var group sync.WaitGroup
	for component := range 4 {
		group.Go(func() {
			for i := range 50 {
				display.Report(rebuild.Event{Component: fmt.Sprintf("c%d", component), Stage: rebuild.StageBuild, State: rebuild.Running,
					Message: fmt.Sprintf("%d of c%d\r\x1b[2Kx\ny", i, component)})
			}
		})
	}
	group.Wait()
	if len(w.all) != 200 {
		t.Errorf("%d writes for 200 events", len(w.all))
	}
	for _, line := range w.all {
		_, text, _ := strings.Cut(line, "  c")
		component, _, _ := strings.Cut(text, ":")
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, fmt.Sprintf("of c%s\\r\\x1b[2Kx\\ny\n", component)) {
			t.Errorf("line %q is not one event of one component", line)
		}
	}
}

func TestLinesSayLessUnlessAsked(t *testing.T) {
	var w writes
	display := &lines{w: &w, begin: time.Now()}
	display.Report(rebuild.Event{Component: "c", Stage: rebuild.StageBuild, State: rebuild.Running, Message: "STEP 1"})
	display.Report(rebuild.Event{Component: "c", Stage: rebuild.StageBuild, State: rebuild.Done, Message: "sha256:0"})
	if len(w.all) != 1 || !strings.Contains(w.all[0], "done: sha256:0") {
		t.Errorf("without -v there is %q, want the end of the build alone", w.all)
	}
}
