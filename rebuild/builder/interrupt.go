package builder

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/openshift/imagebuilder/dockerfile/command"
	"github.com/openshift/imagebuilder/dockerfile/parser"
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

// steadily returns the context for buildah. With several stages it does not end: buildah would give up the stages that
// wait and take the container from the one that is under way, which then dereferences nil. That one ends as its
// processes are killed, and with it the build.
func steadily(ctx context.Context, dockerfile []byte) context.Context {
	parsed, err := parser.Parse(bytes.NewReader(dockerfile))
	if err != nil { // buildah will say so
		return ctx
	}
	stages := 0
	for _, instruction := range parsed.AST.Children {
		if instruction.Value == command.From {
			stages++
		}
	}
	if stages > 1 {
		return context.WithoutCancel(ctx)
	}
	return ctx
}
