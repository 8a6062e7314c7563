package tekton

import (
	"encoding/json"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// FuzzOutcome reads what a cluster says of a run and of its tasks. Only a run that the cluster says succeeded, and
// that names a payload, is a success; every other one is an error with a class.
func FuzzOutcome(f *testing.F) {
	f.Add([]byte(`{"status":{"conditions":[{"type":"Succeeded","status":"True"}],"results":[{"name":"payload","value":"a@sha256:0"}]}}`),
		[]byte(`[{"metadata":{"name":"r-a","labels":{"tekton.dev/pipelineTask":"a"}},"status":{"results":[{"name":"image","value":"a"}]}}]`), "2026-01-01T00:00:00Z error: x")
	f.Add([]byte(`{"metadata":{"annotations":{"oc-rebuild.io/components":"{\"assemble\":\"\"}"}},"status":{"conditions":[{"type":"Succeeded","status":"False","reason":"Failed"}],`+
		`"skippedTasks":[{"name":"b"}]}}`),
		[]byte(`[{"status":{"conditions":[{"type":"Succeeded","status":"False"}],"steps":[{"terminated":{"exitCode":5}}]}}]`), "")
	f.Fuzz(func(t *testing.T, runData, taskData []byte, line string) {
		fuzzing.Case(t)
		var run runState
		var tasks []taskRunState
		if json.Unmarshal(runData, &run) != nil || json.Unmarshal(taskData, &tasks) != nil {
			return
		}
		one := &follower{name: "r", names: map[string]string{}, parts: map[string]*part{}, listener: progress.Silent{},
			read: func(string) (progress.Event, bool) { return progress.Event{}, false }}
		_ = json.Unmarshal([]byte(run.Metadata.Annotations[annotationNames]), &one.names)
		log := &reading{ended: make(chan struct{})}
		for range 3 {
			one.line(log, line)
		}
		if len(log.failure()) > maxFailure+maxLine {
			t.Errorf("%d bytes of a failure", len(log.failure()))
		}
		state := succeeded(run.Status.Conditions)
		made, err := one.outcome(run, state, tasks)
		switch {
		case (made == nil) == (err == nil):
			t.Errorf("outcome %v and error %v", made, err)
		case err == nil && (state.Status != "True" || made.Payload == ""):
			t.Errorf("a success: %+v", made)
		case err != nil && fault.KindOf(err) == 0:
			t.Errorf("an error without a class: %v", err)
		}
	})
}
