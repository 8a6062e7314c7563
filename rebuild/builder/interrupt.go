package builder

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.podman.io/buildah/define"
	"golang.org/x/sync/semaphore"
)

// killChildrenWhenDone watches ctx while a build or a pull runs: buildah itself does not stop a RUN step, nor storage
// the process that unpacks a layer, when the context ends, so those processes are killed; the libraries then unmount
// and delete what they made. The function it returns ends the watch.
func killChildrenWhenDone(ctx context.Context) (stop func()) {
	watch, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-watch.Done():
			return
		case <-ctx.Done():
		}
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for { // again and again: the step may be starting processes, and the next step may start
			for _, pid := range children(os.Getpid()) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			select {
			case <-watch.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return func() { cancel(); <-done }
}

// children returns the processes that pid started, and theirs, deepest first.
func children(pid int) []int {
	var found []int
	lists, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "children"))
	if err != nil {
		return nil
	}
	for _, list := range lists {
		data, err := os.ReadFile(list)
		if err != nil {
			continue // the thread is gone
		}
		for _, field := range strings.Fields(string(data)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				continue
			}
			found = append(append(found, children(child)...), child)
		}
	}
	return found
}

// awaitStages returns a function that waits until the stage under way has ended: when the context ends, buildah gives
// up the stages that wait and returns, while the running one still is in its step.
func awaitStages(options *define.BuildOptions) func() {
	turns := semaphore.NewWeighted(1) // as Jobs: 1
	options.JobSemaphore = turns
	return func() { _ = turns.Acquire(context.Background(), 1) }
}
