package rebuild_test

import (
	"context"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// stopper ends a run when a component is built.
type stopper struct {
	recorder
	component string
	stop      context.CancelFunc
}

func (s *stopper) Report(event progress.Event) {
	s.recorder.Report(event)
	if event.Component == s.component && event.Stage == progress.Push && event.State == progress.Done {
		s.stop()
	}
}

// TestNobodyWaitsForOthers builds one component on another while a third, which neither has to do with, takes its time.
func TestNobodyWaitsForOthers(t *testing.T) {
	p := newPlayground(t)
	first := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"write\", \"/f\", \"x\"]\n")})
	second := source(t,
		map[string]string{"Dockerfile": "FROM quay.io/example/one:latest\nRUN [\"/bin/tool\", \"write\", \"/g\", \"y\"]\n"})
	slow := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"sleep\"]\n")})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second) // the slow one takes a minute
	defer cancel()
	heard := &stopper{component: "two", stop: cancel}
	o := p.options(t)
	o.Jobs, o.Progress = 2, heard
	request := p.request(target("cluster-version-operator", slow), target("two", second), target("one", first))
	request.BaseImages = []string{"quay.io/example/one:latest=payload:one"}
	job, err := rebuild.New(o)
	check(t, err)
	_, err = job.Run(ctx, request)
	check(t, job.Close())
	if fault.KindOf(err) != fault.Interrupted {
		t.Errorf("the error is %v", err)
	}
	if !heard.saw("two", progress.Push, progress.Done) ||
		heard.saw("cluster-version-operator", progress.Build, progress.Done) {
		t.Errorf("two was not built before the slow component ended: %+v", heard.events)
	}
}

// TestWhatIsBuiltOnAFailure is left out, and the rest is finished.
func TestWhatIsBuiltOnAFailure(t *testing.T) {
	p := newPlayground(t)
	bad := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"fail\"]\n")})
	on := source(t,
		map[string]string{"Dockerfile": "FROM quay.io/example/one:latest\nRUN [\"/bin/tool\", \"write\", \"/g\", \"y\"]\n"})
	good := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"write\", \"/f\", \"x\"]\n")})
	heard := &recorder{}
	o := p.options(t)
	o.Jobs, o.Progress = 1, heard
	request := p.request(target("two", on), target("one", bad), target("cluster-version-operator", good))
	request.BaseImages = []string{"quay.io/example/one:latest=payload:one"}
	job, err := rebuild.New(o)
	check(t, err)
	_, err = job.Run(t.Context(), request)
	check(t, job.Close())
	if fault.KindOf(err) != fault.Build || heard.saw("two", progress.Build, progress.Started) ||
		!heard.saw("cluster-version-operator", progress.Push, progress.Done) {
		t.Errorf("the error is %v; %+v", err, heard.events)
	}
}
