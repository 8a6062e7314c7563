package rebuild_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// interrupter ends a job when it reaches a stage.
type interrupter struct {
	stage  progress.Stage
	state  progress.State
	text   string // part of the message
	source string // "" = one that builds quickly
	cancel context.CancelFunc
	done   atomic.Bool
}

func (i *interrupter) Report(event progress.Event) {
	if event.Stage == i.stage && event.State == i.state && strings.Contains(event.Message, i.text) &&
		i.done.CompareAndSwap(false, true) {
		i.cancel()
	}
}

func TestInterruptLeavesNothingBehind(t *testing.T) {
	tests := []interrupter{
		{stage: progress.Resolve, state: progress.Started},
		{stage: progress.Fetch, state: progress.Started},
		{stage: progress.Pull, state: progress.Started},
		{stage: progress.Build, state: progress.Started},
		{stage: progress.Build, state: progress.Running, text: "sleeping", source: "slow"},
		{stage: progress.Build, state: progress.Running, text: "sleeping", source: "slow in the first of two stages"},
		{stage: progress.Build, state: progress.Running, text: "COMMIT"},
		{stage: progress.Build, state: progress.Done},
		{stage: progress.Push, state: progress.Started},
		{stage: progress.Publish, state: progress.Started},
	}
	p := newPlayground(t)
	const write, sleep = "RUN [\"/bin/tool\", \"write\", \"/f\", \"x\"]\n", "RUN [\"/bin/tool\", \"sleep\"]\n"
	sources := map[string]string{}
	for name, text := range map[string]string{
		"":                                "FROM BUILDER\n" + write,
		"slow":                            "FROM BUILDER\n" + sleep,
		"slow in the first of two stages": "FROM BUILDER AS first\n" + sleep + "FROM BASE\nCOPY --from=first /f /f\n",
	} {
		sources[name] = source(t, map[string]string{"Dockerfile": p.dockerfile(text)})
	}
	for i := range tests {
		test := &tests[i]
		t.Run(fmt.Sprintf("%s %s %s %s", test.stage, test.state, test.text, test.source), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			test.cancel = cancel
			o := p.options(t)
			o.Progress, o.NoCache = test, true
			begin := time.Now()
			_, err := p.run(t, ctx, o, target("one", sources[test.source]))
			if !test.done.Load() {
				t.Fatalf("the stage was never reached: %v", err)
			}
			if fault.KindOf(err) != fault.Interrupted {
				t.Errorf("Run() = %v of class %d, want %d", err, fault.KindOf(err), fault.Interrupted)
			}
			if spent := time.Since(begin); spent > 5*time.Second {
				t.Errorf("took %v to end", spent)
			}
			if found := p.leftovers(t); len(found) > 0 {
				t.Errorf("left behind:\n%s", strings.Join(found, "\n"))
			}
		})
	}
	p.mustRun(t, p.options(t), target("one", sources[""]))
}

// TestInterruptWhileHashing interrupts a run that reads a working tree with a file of 200 GiB.
func TestInterruptWhileHashing(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"Dockerfile": p.dockerfile("FROM BASE\n"), "large": ""})
	check(t, os.Truncate(filepath.Join(directory, "large"), 200<<30))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begin := time.Now() // before the timer starts: a run that waits for it takes at least as long as it
	time.AfterFunc(time.Second, cancel)
	_, err := p.run(t, ctx, p.options(t), target("one", directory))
	if spent := time.Since(begin); fault.KindOf(err) != fault.Interrupted || spent < time.Second ||
		spent > 5*time.Second {
		t.Errorf("after %v: %v of class %d", spent, err, fault.KindOf(err))
	}
}

// TestInterruptWhileProbing interrupts the attempt to start a container with a runtime that does not answer. Nothing
// else is taken in its place.
func TestInterruptWhileProbing(t *testing.T) {
	programs := t.TempDir()
	check(t, os.WriteFile(filepath.Join(programs, "crun"), []byte("#!/bin/sh\nsleep 600\n"), 0o755))
	t.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begin := time.Now()
	time.AfterFunc(time.Second, cancel)
	b, err := builder.Open(ctx, builder.Options{StorageRoot: t.TempDir(), Temp: t.TempDir()})
	if spent := time.Since(begin); !errors.Is(err, context.Canceled) || spent > 5*time.Second {
		t.Errorf("after %v: %v, %v", spent, b, err)
	}
}
