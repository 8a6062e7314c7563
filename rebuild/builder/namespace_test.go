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
	"unsafe"

	"golang.org/x/sys/unix"

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
		{"permission", adviceForContainers, 0, func() error { return errors.Join(forbidUserNamespaces(), TryUserNamespace()) }},
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

// forbidUserNamespaces filters system calls for all threads as the engine of a container does by default: clone(2)
// with CLONE_NEWUSER is not permitted.
func forbidUserNamespaces() error {
	const number, flags = 0, 16 // offsets in struct seccomp_data: the call, and the lower half of its first argument
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: number},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_CLONE, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: unix.CLONE_NEWUSER, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	_, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	if failed != 0 {
		return failed
	}
	return nil
}
