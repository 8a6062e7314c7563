package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

// full gives runs a file system of a random size, most of them too small, for storage, cache and temporary files. A
// run that fails has to say so and name a place on that file system; once there is space, the next one ends well.
func full(ctx context.Context, w *world, runs int) error {
	if os.Getuid() != 0 {
		return fmt.Errorf("only root can mount a file system")
	}
	place := filepath.Join(w.Dir, "small")
	if err := os.MkdirAll(place, 0o700); err != nil {
		return err
	}
	if err := w.SetStorage(filepath.Join(place, "storage")); err != nil {
		return err
	}
	defer func() { _ = w.SetStorage("") }()
	run := func(tag string) *exec.Cmd {
		cmd := w.command(ctx, tag, "machine-config-operator", "cli=@"+playground.WholeBranch, "--cache-dir",
			filepath.Join(place, "cache"))
		cmd.Env = append(cmd.Env, "TMPDIR="+filepath.Join(place, "tmp"))
		return cmd
	}
	on := func(size uint64, do func(grow func() error) error) error {
		if err := syscall.Mount("tmpfs", place, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
			return fmt.Errorf("mounting a file system: %w", err)
		}
		defer func() {
			_ = syscall.Unmount(filepath.Join(w.StorageRoot(), "overlay"), syscall.MNT_DETACH) // the storage driver's
			_ = syscall.Unmount(place, syscall.MNT_DETACH)
		}()
		if err := os.Mkdir(filepath.Join(place, "tmp"), 0o700); err != nil {
			return err
		}
		return do(func() error { return syscall.Mount("tmpfs", place, "tmpfs", syscall.MS_REMOUNT, "size=4g") })
	}
	var want string
	var need uint64
	err := on(4<<30, func(func() error) (err error) {
		if want, err = good(run("want")); err != nil {
			return err
		}
		var fs syscall.Statfs_t
		err = syscall.Statfs(place, &fs)
		need = (fs.Blocks - fs.Bfree) * uint64(fs.Bsize) //nolint:gosec // a block has some size
		return err
	})
	if err != nil {
		return err
	}
	failed := 0
	for i := range runs {
		which, tag := fmt.Sprintf("full disk %d", i), fmt.Sprintf("run%d", i)
		size := uint64(w.random.Int64N(int64(need))) + 1<<20 //nolint:gosec // megabytes
		err := on(size, func(grow func() error) error {
			got, err := do(run(tag), nil)
			if err != nil {
				return err
			}
			w.incomplete(which, tag)
			if got.code != 0 {
				failed++
				if !strings.Contains(got.stderr, "no space left on device") || !strings.Contains(got.stderr, place) {
					w.note("%s: %d bytes: exit code %d, and not clear why: %s", which, size, got.code, got.stderr)
				}
			}
			if err := grow(); err != nil {
				return err
			}
			switch next, err := good(run(tag)); {
			case err != nil:
				w.note("%s: %d bytes: the next run, with space: %v", which, size, err)
			case next != want:
				w.note("%s: %d bytes: the next run makes %s, want %s", which, size, next, want)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return w.conclude(runs, "a run takes %d MB; %d had too little", need/1e6, failed)
}
