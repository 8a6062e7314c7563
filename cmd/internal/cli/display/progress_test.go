package display

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
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
	display := newLines(&w, false, true, time.Hour)
	defer display.finish()
	var group sync.WaitGroup
	for component := range 4 {
		group.Go(func() {
			for i := range 50 {
				display.Report(progress.Event{Component: fmt.Sprintf("c%d", component), Stage: progress.Build,
					State:   progress.Running,
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
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line,
			fmt.Sprintf("of c%s\\r\\x1b[2Kx\\ny\n", component)) {
			t.Errorf("line %q is not one event of one component", line)
		}
	}
}

func TestLinesSayLessUnlessAsked(t *testing.T) {
	var w writes
	display := newLines(&w, false, false, time.Hour)
	defer display.finish()
	display.Report(progress.Event{Component: "c", Stage: progress.Build, State: progress.Running, Message: "STEP 1"})
	display.Report(progress.Event{Component: "c", Stage: progress.Build, State: progress.Done, Message: "sha256:0"})
	if len(w.all) != 1 || !strings.Contains(w.all[0], "done: sha256:0") {
		t.Errorf("without -v there is %q, want the end of the build alone", w.all)
	}
}

// TestLinesOfALongStep waits for what is said of a step that goes on in silence; what is over is not spoken of.
func TestLinesOfALongStep(t *testing.T) {
	said := make(chan string, 1000)
	display := newLines(channel(said), false, false, time.Millisecond)
	defer display.finish()
	display.Report(progress.Event{Component: "over", Stage: progress.Build, State: progress.Started,
		Message: "Dockerfile"})
	display.Report(progress.Event{Component: "over", Stage: progress.Build, State: progress.Failed,
		Message: "one\ntwo\x1b"})
	display.Report(progress.Event{Component: "long", Stage: progress.Build, State: progress.Started,
		Message: "Dockerfile"})
	display.Report(progress.Event{Component: "long", Stage: progress.Build, State: progress.Running,
		Message: "STEP 5/12: RUN make"})
	failed, reminders := false, 0
	for reminders < 3 {
		line := <-said
		failed = failed || strings.Contains(line, "over: build failed: one\ntwo\\x1b\n")
		if !strings.Contains(line, "still under way") {
			continue
		}
		if reminders++; !strings.Contains(line, "long: build | still under way: STEP 5/12: RUN make") &&
			!strings.Contains(line, "Dockerfile") {
			t.Errorf("what is under way is %q", line)
		}
	}
	if !failed {
		t.Error("the failure was not printed with its lines")
	}
}

// channel passes on what is written.
type channel chan string

func (c channel) Write(p []byte) (int, error) {
	c <- string(p)
	return len(p), nil
}
