package builder

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRuntimeWaits starts this program as a runtime: what the real one is asked for is passed on, and its state is asked
// for when the step has ended.
func TestRuntimeWaits(t *testing.T) {
	real := filepath.Join(t.TempDir(), "runtime")
	if err := os.WriteFile(real, []byte("#!/bin/sh\necho \"$*\"\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	runtime, err := makeRuntime(t.TempDir(), real)
	if err != nil {
		t.Fatal(err)
	}
	bundle := t.TempDir()
	ask := func(want string, args ...string) time.Duration {
		t.Helper()
		command := exec.Command(runtime, args...)
		command.Dir = bundle
		begin := time.Now()
		output, err := command.Output()
		if code := command.ProcessState.ExitCode(); code != 3 || strings.TrimSpace(string(output)) != want {
			t.Errorf("%q: %q, %v", args, output, err)
		}
		return time.Since(begin)
	}
	const step = 700 * time.Millisecond
	run := func() (ended chan error) {
		command := exec.Command("sleep", strconv.FormatFloat(step.Seconds(), 'f', -1, 64))
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		pid := strconv.Itoa(command.Process.Pid)
		if err := os.WriteFile(filepath.Join(bundle, "pid"), []byte(pid), 0o600); err != nil {
			t.Fatal(err)
		}
		ended = make(chan error, 1)
		go func() { ended <- command.Wait() }()
		return ended
	}

	ask("--root /a b state c", "--root", "/a b", "state", "c") // no step was started yet
	ended := run()
	if took := ask("--root /x kill c", "--root", "/x", "kill", "c"); took > step {
		t.Errorf("kill took %s", took)
	}
	if took := ask("state c", "state", "c"); took < step/4 || took > 10*step {
		t.Errorf("state took %s of a step of %s", took, step)
	}
	<-ended
	if took := ask("state c", "state", "c"); took > step {
		t.Errorf("state took %s after the step", took)
	}

	// Whoever asked may be gone before the step ends.
	if err := os.WriteFile(filepath.Join(bundle, "pid"), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		t.Fatal(err)
	}
	gone := exec.Command("sh", "-c", runtime+" state c & sleep 0.3")
	gone.Dir = bundle
	output, err := gone.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends when nobody has the pipe any more
		_, _ = io.Copy(io.Discard, output)
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("it still waits, though its parent is gone")
	}
	_ = gone.Wait()
}
