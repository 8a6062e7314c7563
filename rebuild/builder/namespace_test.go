package builder

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
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

// Without is the variable of a test that runs in a user namespace in which something is missing.
const Without = "OC_REBUILD_TEST_WITHOUT"

// TestWhatUserNamespacesNeed says what to do where a user namespace cannot be made, or the user has no name, and where
// the programs are missing that give it users.
func TestWhatUserNamespacesNeed(t *testing.T) {
	tests := []struct {
		without, advice string
		user            int
		try             func() error
	}{
		{"namespaces", "`oc rebuild doctor` says which switch forbids it.", 0, func() error {
			return errors.Join(os.WriteFile("/proc/sys/user/max_user_namespaces", []byte("0"), 0o644),
				TryUserNamespace())
		}},
		{"names", "Give the user an entry in /etc/passwd, or a directory in HOME.", 54321, func() error {
			return errors.Join(os.Unsetenv("HOME"), os.Setenv("USER", "somebody"), nameUser(t.Context()))
		}},
		{"mappers", "Install the package uidmap (Debian, Ubuntu) or shadow-utils (Fedora, RHEL), or run as root.", 0,
			func() error {
				return errors.Join(os.Setenv("PATH", t.TempDir()), findMappers())
			}},
	}
	for _, test := range tests {
		t.Run(test.without, func(t *testing.T) {
			if os.Getenv(Without) == test.without {
				if err := test.try(); fault.AdviceOf(err) != test.advice {
					t.Errorf("without %s: %v (%s)", test.without, err, fault.AdviceOf(err))
				}
				return
			}
			args := []string{"-test.run", "^TestWhatUserNamespacesNeed$/^" + test.without + "$"}
			if coverage := flag.Lookup("test.gocoverdir"); coverage != nil && coverage.Value.String() != "" {
				args = append(args, "-test.gocoverdir", coverage.Value.String())
			}
			command := exec.Command("/proc/self/exe", args...)
			command.Env = append(os.Environ(), Without+"="+test.without)
			command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: test.user, HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: test.user, HostID: os.Getgid(), Size: 1}}}
			output, err := command.CombinedOutput()
			if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC) {
				t.Skipf("no user namespaces here: %v", err)
			}
			if err != nil || !strings.Contains(string(output), "PASS") {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}
