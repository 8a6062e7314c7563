package builder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"syscall"

	"github.com/sirupsen/logrus"
	"go.podman.io/storage/pkg/homedir"
	"go.podman.io/storage/pkg/unshare"
	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// EnterUserNamespace starts the program again inside a user namespace when the process lacks the rights to mount (a
// user without root, a container without CAP_SYS_ADMIN), and then does not return: it exits with the status of that
// second process, to which it forwards signals. Then it starts the program again in place, with mounts of its own,
// where it has none yet. The program that is started again does not know of signals that this one has received: so it
// is not once ctx is done.
func EnterUserNamespace(ctx context.Context) error {
	if err := errors.Join(knowUserNamespace(), nameRuntimeDirectory()); err != nil {
		return err
	}
	if NeedsUserNamespace() {
		if err := TryUserNamespace(); err != nil {
			return err
		}
	}
	if os.Geteuid() != 0 {
		if err := findMappers(); err != nil {
			return err
		}
	}
	if err := errors.Join(nameUser(ctx), ctx.Err()); err != nil {
		return err
	}
	enterUserNamespace()
	return enterMountNamespace(ctx)
}

// enterUserNamespace lets the library end the program, as it does where something is wrong, not without a word.
func enterUserNamespace() {
	logger := logrus.StandardLogger()
	level, output := logger.GetLevel(), logger.Out
	logger.SetLevel(logrus.ErrorLevel)
	logger.SetOutput(os.Stderr)
	hooks := logger.ReplaceHooks(logrus.LevelHooks{logrus.ErrorLevel: {exitOfSignal{}}})
	unshare.MaybeReexecUsingUserNamespace(false)
	logger.ReplaceHooks(hooks)
	logger.SetLevel(level)
	logger.SetOutput(output)
}

// exitOfSignal ends the program in the way of an interrupted run when the library reports that a signal ended the
// process in the user namespace, which did not yet look for signals. The library itself does not know what to do then.
type exitOfSignal struct{}

// Levels implements logrus.Hook.
func (exitOfSignal) Levels() []logrus.Level { return []logrus.Level{logrus.ErrorLevel} }

// Fire implements logrus.Hook.
func (exitOfSignal) Fire(entry *logrus.Entry) error {
	for _, ending := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if entry.Message == "signal: "+ending.String() {
			os.Exit(int(fault.Interrupted))
		}
	}
	return nil
}

// nameUser starts the program again with USER set where a user has no entry in /etc/passwd, as in a container with an
// arbitrary user ID: the container libraries look the user's name up, once, and then take that one.
func nameUser(ctx context.Context) error {
	_, err := user.Current()
	if err != nil && os.Getenv("USER") == "" {
		if err = os.Setenv("USER", strconv.Itoa(os.Geteuid())); err == nil {
			err = startAgain(ctx)
		}
	}
	if err != nil {
		return fault.New(fault.Other, "Give the user an entry in /etc/passwd, or a directory in HOME.",
			fmt.Errorf("finding out who the user is: %w", err))
	}
	return nil
}

// findMappers makes sure that the two programs are there which give a user namespace its users.
func findMappers() error {
	for _, program := range []string{"newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(program); err != nil {
			return fault.New(fault.Other,
				"Install the package uidmap (Debian, Ubuntu) or shadow-utils (Fedora, RHEL), or run as root.",
				fmt.Errorf("building without root needs the program %s: %w", program, err))
		}
	}
	return nil
}

// NeedsUserNamespace reports whether builds run in a user namespace: for a user who is not root, or root of a container
// that may not mount.
func NeedsUserNamespace() bool {
	mayMount, err := unshare.HasCapSysAdmin()
	return os.Geteuid() != 0 || err == nil && !mayMount
}

// ErrFiltered says what keeps a container from user namespaces.
var ErrFiltered = errors.New("the seccomp profile of this container forbids it")

const adviceForContainers = "Let the container make user namespaces: seccompProfile Unconfined and the capabilities " +
	"SETFCAP, SETUID and SETGID in its pod's security context, which on OpenShift a SecurityContextConstraints has to " +
	"allow (docs/guides/on-a-cluster.md); podman and docker take --security-opt seccomp=unconfined."

// TryUserNamespace makes a user namespace and returns why that is not allowed. Nothing has to be there to be run in
// it: the path leads through a file that is no directory, and to fail because of that takes a namespace that was
// made.
func TryUserNamespace() error {
	_, err := os.StartProcess("/proc/self/exe/none", nil,
		&os.ProcAttr{Sys: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}})
	if errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	if of := (*os.PathError)(nil); errors.As(err, &of) {
		err = of.Err
	}
	if errors.Is(err, syscall.EPERM) && isFiltered() {
		return fault.New(fault.Other, adviceForContainers,
			fmt.Errorf("making a user namespace: %w: %w", err, ErrFiltered))
	}
	return fault.New(fault.Other, "`oc rebuild doctor` says which switch forbids it.",
		fmt.Errorf("making a user namespace: %w", err))
}

// isFiltered reports whether a seccomp profile decides what the process may ask of the kernel (proc_pid_status(5)).
func isFiltered() bool {
	status, err := os.ReadFile("/proc/self/status")
	return err == nil && bytes.Contains(status, []byte("\nSeccomp:\t2\n"))
}

// knowUserNamespace tells the container libraries that a process which is root only inside a user namespace that
// somebody else made (unshare -Ur) is not the machine's root, as they tell the processes that they put there
// themselves: /var/lib/containers is not its own.
func knowUserNamespace() error {
	ranges, err := identities()
	inner, innerErr := insideUserNamespace()
	if err := errors.Join(err, innerErr); err != nil {
		return err
	}
	if !inner || os.Geteuid() != 0 || os.Getenv(unshare.UsernsEnvName) != "" ||
		unix.Access("/var/lib", unix.W_OK) == nil {
		return nil
	}
	outside := string(bytes.Fields(ranges)[1])
	return errors.Join(os.Setenv(unshare.UsernsEnvName, "done"), os.Setenv("_CONTAINERS_ROOTLESS_UID", outside))
}

// hasMounts is the variable that marks a program which enterMountNamespace started again.
const hasMounts = "_OC_REBUILD_HAS_MOUNTS"

// enterMountNamespace starts the program again, as the same process, with a mount namespace of its own, so that no
// mount outlives it, however it ends. A user namespace came with one, unless the mount namespace is not that user
// namespace's: then nothing can be mounted without. Where the machine's root gets none, it goes on without.
func enterMountNamespace(ctx context.Context) error {
	inner, err := insideUserNamespace()
	if err != nil || inner && mayMount() {
		return err
	}
	if os.Getenv(hasMounts) != "" {
		if inner {
			return errors.New("nothing can be mounted here, not even in a mount namespace of our own")
		}
		return nil
	}
	runtime.LockOSThread() // the thread in the namespace is the one that becomes the program
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		runtime.UnlockOSThread()
		if !inner {
			return nil
		}
		return fmt.Errorf("making a mount namespace: %w", err)
	}
	// What is mounted outside is seen here, not the other way round.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("keeping mounts to ourselves: %w", err)
	}
	if err := errors.Join(os.Setenv(hasMounts, "1"), startAgain(ctx)); err != nil {
		return fmt.Errorf("entering a mount namespace: %w", err)
	}
	return nil
}

// again is the variable that marks a program which startAgain started.
const again = "_OC_REBUILD_AGAIN"

// StartedAgain reports whether EnterUserNamespace has started this program: what is said once was said before.
func StartedAgain() bool { return os.Getenv(again) != "" || os.Getenv(unshare.UsernsEnvName) != "" }

// startAgain makes the program begin once more, as the same process, with what the environment has now.
func startAgain(ctx context.Context) error {
	if err := errors.Join(ctx.Err(), os.Setenv(again, "1")); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", os.Args, os.Environ())
}

// nameRuntimeDirectory sets XDG_RUNTIME_DIR where a session lacks it (su, cron): inside the user namespace the
// process is root, and the container libraries would look into the directory of the machine's root.
func nameRuntimeDirectory() error {
	if !unshare.IsRootless() || os.Getenv("XDG_RUNTIME_DIR") != "" {
		return nil
	}
	directory, err := homedir.GetRuntimeDir()
	if err != nil {
		return fmt.Errorf("finding the user's runtime directory: %w", err)
	}
	return os.Setenv("XDG_RUNTIME_DIR", directory)
}

// insideUserNamespace reports whether the process is in another user namespace than the machine's first.
func insideUserNamespace() (bool, error) {
	ranges, err := identities()
	return !bytes.Equal(bytes.Join(bytes.Fields(ranges), []byte(" ")), []byte("0 0 4294967295")), err
}

// OneIdentity reports whether the process is in a user namespace that has one user and no more: there were no ranges
// in /etc/subuid to give it others.
func OneIdentity() (bool, error) {
	ranges, err := identities()
	fields := bytes.Fields(ranges)
	return len(fields) == 3 && string(fields[2]) == "1", err
}

// identities returns the users that the process's user namespace has, as the kernel writes them.
func identities() ([]byte, error) {
	ranges, err := os.ReadFile("/proc/self/uid_map")
	if errors.Is(err, os.ErrNotExist) { // a kernel without user namespaces
		return []byte("0 0 4294967295"), nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the users of the user namespace: %w", err)
	}
	return ranges, nil
}

// mayMount tries to mount something where nobody sees it.
func mayMount() bool {
	directory, err := os.MkdirTemp("", "oc-rebuild-mount-")
	if err != nil {
		return true // whoever needs the directory will say so
	}
	defer os.Remove(directory)
	if err := unix.Mount("tmpfs", directory, "tmpfs", 0, ""); err != nil {
		return false
	}
	_ = unix.Unmount(directory, unix.MNT_DETACH)
	return true
}

// AdviceForOne is what to say where files can have one owner only, "" elsewhere.
func AdviceForOne() string {
	if one, err := OneIdentity(); err != nil || !one {
		return ""
	}
	return "This user has no ranges in /etc/subuid and /etc/subgid that newuidmap and newgidmap can map, so files of images belong to root alone, " +
		"and a step that gives them to another fails; `oc rebuild doctor` says more."
}
