package builder

import (
	"os/exec"
	"testing"
)

// TestExitCode tells how processes ended, as a shell does.
func TestExitCode(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 5": 5, "kill -TERM $$": 143, "kill -KILL $$": 137} {
		command := exec.Command("sh", "-c", script)
		_ = command.Run()
		if got := exitCode(command.ProcessState); got != want {
			t.Errorf("%q ends with %d, want %d", script, got, want)
		}
	}
}
