package builder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Buildah's chroot isolation starts this program under the name chrootRuntime, with the settings of a step on its
// fourth file. It gives steps the machine's processes and devices. So the program starts itself once more, as the
// first process of a PID namespace that has its own /proc and /dev, and there chrootRuntime again.
const (
	chrootRuntime = "buildah-chroot-runtime"
	chrootExec    = "buildah-chroot-exec" // the child of chrootRuntime that becomes the parent of the step
	apartInit     = "oc-rebuild-init"
	apartProbe    = "probe"             // the argument of apartInit where nothing is to be started
	isInner       = "_OC_REBUILD_INNER" // in the environment of a chrootRuntime that this program started once more
)

// The output of an inner chrootRuntime, where its children inherit it: numbers that buildah's own files do not reach.
const (
	keptStdout = 100
	keptStderr = 101
)

// maxProbeApart is how long it may take to make the namespaces.
const maxProbeApart = 10 * time.Second

// reexecApart runs this process as one of the two above, and reports whether it was one. It does not return from
// apartInit, nor from a chrootRuntime that could be set apart.
func reexecApart() bool {
	switch os.Args[0] {
	case apartInit:
		runtime.LockOSThread() // its end would be the signal for the child to end
		os.Exit(initApart())
	case chrootRuntime:
		// What whoever started the program left open is closed, but for buildah's settings: a step could reach it
		// through the process above it. A kernel before 5.11 cannot do that.
		_ = unix.CloseRange(4, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
		if os.Getenv(isInner) == "" {
			code, err := startApart(context.Background(), false)
			if err != nil { // of which Isolation.Exposed tells the user
				code = startInner()
			}
			os.Exit(code)
		}
		keepOutput()
	case chrootExec:
		takeOutput()
		_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) // the step gets none of buildah's files either
		// nor a look at them, with the rights that it shares
		_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
	return false
}

// maxLeftBehind is how long the output of a step is waited for that has ended, where what it left behind goes on.
const maxLeftBehind = 5 * time.Second

// startInner starts an inner chrootRuntime in the namespaces of this process, and returns its exit code when it and
// its output have ended.
func startInner() int {
	command := exec.Command("/proc/self/exe")
	command.Args, command.Env = []string{chrootRuntime}, append(os.Environ(), isInner+"=1")
	// No files: a process that a step leaves behind would hold them, and the build would wait for it.
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, struct{ io.Writer }{os.Stdout},
		struct{ io.Writer }{os.Stderr}
	command.ExtraFiles = []*os.File{os.NewFile(3, "settings")}
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	command.WaitDelay = maxLeftBehind
	runtime.LockOSThread() // as in startApart
	if err := command.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "starting a step: %v\n", err)
		return 1
	}
	stop := forward(command.Process)
	defer stop()
	_ = command.Wait() // the exit code says it
	return exitCode(command.ProcessState)
}

// keepOutput and takeOutput let a step write to where the output of the inner chrootRuntime goes. Between the two
// buildah has a process that passes the output on and ends with the step, not with the output: of a step that fails at
// once, the lines that say why would be lost.
func keepOutput() {
	if unix.Dup3(unix.Stdout, keptStdout, 0) == nil && unix.Dup3(unix.Stderr, keptStderr, 0) != nil {
		_ = unix.Close(keptStdout)
	}
}

func takeOutput() {
	if unix.Dup3(keptStdout, unix.Stdout, 0) == nil && unix.Dup3(keptStderr, unix.Stderr, 0) == nil {
		_ = unix.Close(keptStdout)
		_ = unix.Close(keptStderr)
	}
}

// probeApart returns why steps with chroot isolation cannot have processes and devices of their own here, nil where
// they have.
func probeApart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, maxProbeApart)
	defer cancel()
	code, err := startApart(ctx, true)
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d", code)
	}
	return err
}

// startApart starts apartInit in namespaces of its own, to start a step or only to see whether they can be made, and
// waits for its end. The error says why they cannot.
func startApart(ctx context.Context, probe bool) (code int, err error) {
	report, reporting, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer report.Close()
	command := exec.CommandContext(ctx, "/proc/self/exe")
	command.Args, command.Env = []string{apartInit}, os.Environ()
	command.ExtraFiles = []*os.File{reporting}
	if probe {
		command.Args = append(command.Args, apartProbe)
	} else {
		command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
		command.ExtraFiles = append(command.ExtraFiles, os.NewFile(3, "settings"))
	}
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC}
	runtime.LockOSThread() // Pdeathsig: the signal comes when the thread ends
	defer runtime.UnlockOSThread()
	if err := command.Start(); err != nil {
		return 0, errors.Join(fmt.Errorf("making a PID namespace: %w", err), reporting.Close())
	}
	stop := forward(command.Process)
	defer stop()
	_ = reporting.Close()
	failure, readErr := io.ReadAll(report)
	if err := command.Wait(); command.ProcessState == nil {
		return 0, fmt.Errorf("waiting for the process in the PID namespace: %w", err)
	}
	if len(failure) > 0 || readErr != nil {
		return 0, errors.Join(errors.New(string(failure)), readErr)
	}
	return exitCode(command.ProcessState), nil
}

// exitCode is what a shell makes of the end of a process.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// forward hands the signals on that end a program.
func forward(process *os.Process) (stop func()) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for received := range signals {
			_ = process.Signal(received)
		}
	}()
	return func() { signal.Stop(signals); close(signals) }
}

// initApart is apartInit: it prepares the namespaces, reports on its fourth file what is wrong with them, starts
// chrootRuntime and buries every process that ends until that one has.
func initApart() int {
	report := os.NewFile(3, "report")
	if err := furnish(); err != nil {
		fmt.Fprint(report, err)
		return 1
	}
	if len(os.Args) > 1 {
		return 0
	}
	_ = report.Close()
	process, err := os.StartProcess("/proc/self/exe", []string{chrootRuntime}, &os.ProcAttr{
		Env:   append(os.Environ(), isInner+"=1"),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, os.NewFile(4, "settings")},
	})
	if err != nil {
		fmt.Fprintf(os.Stderr, "starting a step: %v\n", err)
		return 1
	}
	forward(process)
	for {
		var status syscall.WaitStatus
		ended, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			fmt.Fprintf(os.Stderr, "waiting for a step: %v\n", err)
			return 1
		case ended == process.Pid && status.Signaled():
			return 128 + int(status.Signal())
		case ended == process.Pid:
			return status.ExitStatus()
		}
	}
}

// furnish gives the namespaces a /proc that shows their processes alone, and a /dev with the devices that every
// container has (OCI runtime specification, config-linux.md, "Default Devices").
func furnish() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping mounts apart: %w", err)
	}
	const still = unix.MS_NOSUID | unix.MS_NOEXEC
	if err := unix.Mount("proc", "/proc", "proc", still|unix.MS_NODEV, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	devices := map[string]*os.File{}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		device, err := os.OpenFile(filepath.Join("/dev", name), unix.O_PATH|unix.O_NOFOLLOW, 0)
		if err != nil {
			return err
		}
		defer device.Close()
		devices[name] = device
	}
	if err := unix.Mount("tmpfs", "/dev", "tmpfs", still, "mode=755,size=64k"); err != nil {
		return fmt.Errorf("mounting /dev: %w", err)
	}
	for name, device := range devices {
		path := filepath.Join("/dev", name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			return err
		}
		if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", device.Fd()), path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mounting %s: %w", path, err)
		}
	}
	for _, link := range []string{"fd /proc/self/fd", "stdin /proc/self/fd/0", "stdout /proc/self/fd/1",
		"stderr /proc/self/fd/2",
		"core /proc/kcore", "ptmx pts/ptmx"} {
		name, target, _ := strings.Cut(link, " ")
		if err := os.Symlink(target, filepath.Join("/dev", name)); err != nil {
			return err
		}
	}
	for _, mount := range []struct {
		path, kind, data string
		flags            uintptr
	}{
		{"/dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620", still},
		{"/dev/shm", "tmpfs", "mode=1777,size=64m", still | unix.MS_NODEV},
		{"/dev/mqueue", "mqueue", "", still | unix.MS_NODEV},
	} {
		if err := os.Mkdir(mount.path, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(mount.kind, mount.path, mount.kind, mount.flags, mount.data); err != nil {
			return fmt.Errorf("mounting %s: %w", mount.path, err)
		}
	}
	return nil
}
