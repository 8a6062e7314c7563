package display

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// TestReadIsTheOtherWayRound reads back what was written of each state, reminders too.
func TestReadIsTheOtherWayRound(t *testing.T) {
	for state := range verbs() {
		for _, event := range []progress.Event{
			{Component: "a-component", Stage: progress.Build, State: state, Message: "STEP 1/2: FROM a: b"},
			{Stage: progress.Assemble, State: state, Message: ""},
		} {
			var b bytes.Buffer
			l := newLines(&b, false, true, time.Hour)
			l.Report(event)
			l.finish()
			got, ok := Read(strings.TrimSuffix(b.String(), "\n"))
			if !ok || got != event {
				t.Errorf("%q is read as %+v, %t, want %+v", b.String(), got, ok, event)
			}
		}
	}
	if got, _ := Read("  68.6s  a: build | " + stillUnderWay + "RUN make"); got.Message != "RUN make" {
		t.Errorf("a reminder is read as %+v", got)
	}
	for _, line := range []string{"", "error: x", "sha256:0", "a: build done: b", "   0.0s  a b: build done: c",
		"   0.0s  a: build ? c"} {
		if got, ok := Read(line); ok {
			t.Errorf("%q is read as %+v", line, got)
		}
	}
}

// TestReminderAtOnce has a timer that is quicker than its maker.
func TestReminderAtOnce(t *testing.T) {
	for range 5000 {
		newLines(io.Discard, false, false, 1).finish()
	}
	l := newLines(io.Discard, false, false, time.Hour)
	l.finish()
	if l.remind(); l.timer.Stop() {
		t.Error("after the end another reminder is to come")
	}
}
