package rebuild_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// editor changes a file while a build goes on, and changes it back.
type editor struct {
	recorder
	file string
}

func (e *editor) Report(event progress.Event) {
	e.recorder.Report(event)
	if event.Stage != progress.Build {
		return
	}
	switch event.State {
	case progress.Started:
		_ = os.WriteFile(e.file, []byte("meanwhile"), 0o644)
	case progress.Done:
		_ = os.WriteFile(e.file, []byte("before"), 0o644)
	}
}

// TestTreeThatChangesDuringTheBuild must not leave a record, or a kept stage, that says of one content what was made
// of another.
func TestTreeThatChangesDuringTheBuild(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"file": "before", "Dockerfile": p.dockerfile(
		"FROM BUILDER AS builder\nCOPY file /file\nRUN [\"/bin/tool\", \"write\", \"/made\", \"x\"]\nFROM BASE\nCOPY --from=builder /file /file\n")})
	time.Sleep(20 * time.Millisecond) // more than a tick of the file system's clock
	for range 2 {                     // the second time a stage is kept
		edits := &editor{file: filepath.Join(directory, "file")}
		o := p.options(t)
		o.Progress, o.KeepStagesAfter = edits, time.Nanosecond
		p.mustRun(t, o, target("one", directory))
		if !edits.saw("one", progress.Build, progress.Warned) || edits.saw("one", progress.Build, progress.Skipped) {
			t.Fatalf("nobody noticed the change: %+v", edits.events)
		}
	}
	time.Sleep(20 * time.Millisecond)
	for _, want := range []progress.State{progress.Done, progress.Skipped} {
		heard := &recorder{}
		o := p.options(t)
		o.Progress, o.KeepStagesAfter = heard, time.Nanosecond
		result := p.mustRun(t, o, target("one", directory))
		if !heard.saw("one", progress.Build, want) {
			t.Errorf("the build was not %s: %+v", want, heard.events)
		}
		if got := files(t, p.registry.Pull(t, result.Components[0].Image), 1)["file"]; got != "before" {
			t.Errorf("the image has %q, the tree %q", got, "before")
		}
	}
}

// TestTwoRunsOfTheSame begin together: one builds, the other takes what came of it.
func TestTwoRunsOfTheSame(t *testing.T) {
	p := newPlayground(t)
	directory := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"write\", \"/f\", \"x\"]\n")})
	time.Sleep(20 * time.Millisecond)
	heard := &recorder{}
	var group sync.WaitGroup
	for range 2 {
		o := p.options(t)
		o.Progress = heard
		group.Go(func() {
			if _, err := p.run(t, t.Context(), o, target("one", directory)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	built := 0
	for _, event := range heard.events {
		if event.Stage == progress.Build && event.State == progress.Started {
			built++
		}
	}
	if built != 1 || !heard.saw("one", progress.Build, progress.Skipped) {
		t.Errorf("%d builds: %+v", built, heard.events)
	}
}
