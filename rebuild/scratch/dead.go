package scratch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/flock"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// JobPrefix begins the name of the directory in $TMPDIR that a job works in and removes at its end. Where the job
// runs without Enter, as that of `plan` does, it is the only one.
const JobPrefix = "oc-rebuild-job-"

// Dead returns the directories of runs that were killed.
func Dead() ([]string, error) {
	var found []string
	err := eachDead(func(path string) error {
		found = append(found, path)
		return nil
	})
	return found, err
}

// Clear removes the directories of runs that were killed, ends what still runs in their containers, and returns their
// paths.
func Clear(ctx context.Context) ([]string, error) {
	var removed []string
	err := eachDead(func(path string) error {
		endContainers(ctx, path)
		if err := remove(path); err != nil {
			return err
		}
		removed = append(removed, path)
		return nil
	})
	return removed, err
}

// eachDead calls do for each directory of a run that was killed, with a hold on it that keeps others away.
func eachDead(do func(path string) error) error {
	base, err := Base()
	if err != nil {
		return err
	}
	temporary := escape(os.TempDir())
	var failures []error
	for _, pattern := range []string{filepath.Join(escape(base), prefix+"*"), filepath.Join(temporary, JobPrefix+"*"),
		filepath.Join(temporary, registry.ScratchPrefix+"*"), filepath.Join(temporary, gitsrc.ScratchPrefix+"*")} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return fmt.Errorf("looking for temporary directories: %w", err)
		}
		for _, path := range paths {
			if !ours(path) {
				continue
			}
			lock, err := flock.Seize(path)
			if err != nil || lock == nil {
				continue // gone, or in use
			}
			failures = append(failures, do(path), lock.Release())
		}
	}
	return errors.Join(failures...)
}

// ours reports whether a path is a directory of this user, and not a link to one.
func ours(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// escape takes the meaning of patterns from a path.
func escape(path string) string {
	var escaped []byte
	for _, c := range []byte(path) {
		switch c {
		case '*', '?', '[', '\\':
			escaped = append(escaped, '\\')
		}
		escaped = append(escaped, c)
	}
	return string(escaped)
}

// endContainers kills what runs in containers of OCI runtimes: their processes outlive the runtime, while those of
// chroot isolation end with the run. The runtimes' own records are below the directory. A container that does not end
// keeps nobody from removing the files.
func endContainers(ctx context.Context, path string) {
	for _, pattern := range []string{"*/runtime/*/*", "runtime/*/*"} {
		records, _ := filepath.Glob(filepath.Join(escape(path), pattern))
		for _, record := range records {
			name := recordOf(filepath.Base(record))
			runtime, err := exec.LookPath(name)
			if name == "" || err != nil {
				continue
			}
			root, id := filepath.Split(filepath.Dir(record))
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			_ = exec.CommandContext(ctx, runtime, "--root", root, "delete", "--force", "--", id).Run()
			cancel()
		}
	}
}

// recordOf returns the runtime that keeps a file of this name for each container. The other one, asked to delete the
// container, would delete the file alone.
func recordOf(file string) string {
	return map[string]string{"status": "crun", "state.json": "runc"}[file]
}
