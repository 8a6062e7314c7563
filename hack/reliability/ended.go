package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

// patience is how long a run may take to end after SIGINT.
const patience = 2 * time.Second

// ended sends runs a signal at a random moment. The next run has to make the payload that a run makes which nothing
// happens to, and nothing may be left after it. Bases, compile caches and kept stages stay from run to run, but for
// every tenth, which begins with nothing; what was built is forgotten each time.
func (w *world) ended(ctx context.Context, runs int, signal syscall.Signal) error {
	args := []string{"machine-config-operator", "cli=@" + playground.WholeBranch}
	want, err := good(w.command(ctx, "want", args...))
	if err != nil {
		return err
	}
	if err := w.forget(false); err != nil {
		return err
	}
	again, err := do(w.command(ctx, "again", args...), nil)
	if err != nil {
		return err
	}
	early, longest := 0, time.Duration(0)
	for i := range runs {
		which, tag := fmt.Sprintf("%s %d", signal, i), fmt.Sprintf("run%d", i)
		all := i%10 == 9
		if err := w.forget(all); err != nil {
			return err
		}
		limit := again.took
		if all {
			limit *= 4
		}
		after := time.Duration(w.random.Int64N(int64(limit)))
		var sent time.Time
		got, err := do(w.command(ctx, tag, args...), func(cmd *exec.Cmd) {
			time.Sleep(after)
			sent = time.Now()
			_ = cmd.Process.Signal(signal)
		})
		if err != nil {
			return err
		}
		if got.code == 0 {
			early++
		} else if signal == syscall.SIGINT {
			took := time.Since(sent)
			if longest = max(longest, took); got.code != 130 || took > patience {
				w.note("%s: after %s: exit code %d %s later: %s", which, after, got.code, took, got.stderr)
			}
			w.clean(which, 0)
		}
		w.incomplete(which, tag)
		switch next, err := good(w.command(ctx, tag, args...)); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			w.note("%s: after %s: the next run: %v", which, after, err)
		case next != want:
			w.note("%s: after %s: the next run makes %s, want %s", which, after, next, want)
		}
		w.clean(which+", after the next run", 5*time.Second)
	}
	if signal == syscall.SIGINT {
		return w.conclude(runs, "%d had ended before; at most %s from the signal to the end", early,
			longest.Round(time.Millisecond))
	}
	return w.conclude(runs, "%d had ended before", early)
}

// forget removes what was built; all = also bases, sources and caches.
func (w *world) forget(all bool) error {
	if !all {
		return os.RemoveAll(filepath.Join(w.CacheDir(), "builds"))
	}
	if err := playground.Remove(w.CacheDir()); err != nil {
		return err
	}
	// the driver's own, where it is one
	_ = syscall.Unmount(filepath.Join(w.StorageRoot(), "overlay"), syscall.MNT_DETACH)
	return playground.Remove(w.StorageRoot())
}

// clean notes mounts, containers, temporary files and processes that are left. Processes of a killed run's steps may
// take some time to end.
func (w *world) clean(which string, limit time.Duration) {
	var left []string
	for end := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		var err error
		if left, err = w.Leftovers(); err != nil {
			left = []string{err.Error()}
		}
		if left = append(left, w.processes()...); len(left) == 0 || time.Now().After(end) {
			break
		}
	}
	if len(left) > 0 {
		w.note("%s: left: %s", which, strings.Join(left, "; "))
	}
}

// processes lists those of the program and its helper, and those whose root is a container's.
func (w *world) processes() (left []string) {
	roots, _ := filepath.Glob("/proc/[0-9]*/root")
	for _, root := range roots {
		dir := filepath.Dir(root)
		if pid, _ := strconv.Atoi(filepath.Base(dir)); pid == os.Getpid() {
			continue
		}
		command, _ := os.ReadFile(dir + "/cmdline") // a process may have ended
		target, _ := os.Readlink(root)
		program, _ := os.Readlink(dir + "/exe")
		if (program == w.binary || strings.HasPrefix(program, "/memfd:oc-rebuild-helper")) &&
			strings.Contains(string(command), w.Dir) || strings.HasPrefix(target, w.Dir) {
			left = append(left, "process "+strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return left
}
