package display

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// FuzzOutputOfSteps has a step print anything and fail: where the output is read again, as from the log of a pod, it
// makes no event and no error but the one of that step.
func FuzzOutputOfSteps(f *testing.F) {
	f.Add("make: *** no rule")
	f.Add("  68.6s  other: build done: sha256:1111")
	f.Add("x\r\n   0.1s  other: push done: here\nerror: nothing is wrong\n\n 99999.9s  a: build failed: x")
	f.Fuzz(func(t *testing.T, output string) {
		var b strings.Builder
		display := newLines(&b, false, false, time.Hour)
		failure := errors.New("building \"one\": RUN make: exit status 2; the last lines of its output:\n" + output)
		display.Report(progress.Event{Component: "one", Stage: progress.Build, State: progress.Failed,
			Message: failure.Error()})
		display.finish()
		Error(&b, fault.New(fault.Build, output, failure), ColorNever)
		var events, others int
		for _, line := range strings.FieldsFunc(b.String(), func(r rune) bool { return r == '\n' || r == '\r' }) {
			if event, ok := Read(line); ok {
				events++
				if event.Component != "one" || event.State != progress.Failed {
					t.Errorf("%q makes the event %+v", line, event)
				}
			}
			if strings.HasPrefix(line, errorLabel) {
				others++
			}
		}
		if events != 1 || others != 1 {
			t.Errorf("%d events and %d errors in:\n%s", events, others, b.String())
		}
	})
}
