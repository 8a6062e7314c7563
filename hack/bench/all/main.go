// all measures the rebuild of 1, 8, 49 and all components of a payload: seconds, requests to the registry, the peak of
// memory, files open at once and disk, the first time and once more with nothing changed. `make bench-all` runs it on
// a playground, whose components are small: what is measured is the program, not compilers.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench-all:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	binary, err := filepath.Abs("bin/oc-rebuild")
	if err != nil {
		return err
	}
	return playground.Temporary(ctx, playground.Options{Whole: true},
		func(p *playground.Playground) error { return compare(ctx, p, binary) })
}

// compare measures payloads of several sizes.
func compare(ctx context.Context, p *playground.Playground, binary string) error {
	release, err := p.Release(ctx, p.Payload)
	if err != nil {
		return err
	}
	var names []string
	for _, tag := range release.References.Spec.Tags {
		// which has no config
		if tag.Annotations["io.openshift.build.source-location"] != "" && tag.Name != "driver-toolkit" {
			names = append(names, tag.Name)
		}
	}
	// Some components have files of cli, which therefore comes first.
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(map[bool]int{true: 0, false: 1}[a == "cli"], map[bool]int{true: 0, false: 1}[b == "cli"])
	})
	fmt.Printf("%-12s %-8s %8s %9s %7s %6s %9s\n", "components", "run", "seconds", "requests", "MiB",
		"files", "disk MB")
	for _, count := range []int{1, 8, 49, len(names)} {
		b := bench{p, binary, filepath.Join(p.Dir, fmt.Sprint(count))}
		for _, which := range []string{"first", "again"} {
			line, err := b.measure(ctx, names[:count])
			if err != nil {
				return fmt.Errorf("%d components, %s: %w", count, which, err)
			}
			fmt.Printf("%-12d %-8s %s\n", count, which, line)
		}
	}
	return nil
}

// bench is a machine that has nothing at first.
type bench struct {
	*playground.Playground
	binary, dir string
}

func (b bench) measure(ctx context.Context, names []string) (string, error) {
	args := []string{"--quiet", "--from-release", b.Payload, "--to-image",
		b.Registry.Host + "/me/release:" + filepath.Base(b.dir),
		"--release-repo", b.ReleaseRepo, "--cache-dir", filepath.Join(b.dir, "cache"), "--storage-root",
		filepath.Join(b.dir, "storage"), "--isolation", "chroot"}
	for _, name := range names {
		args = append(args, name+"=@"+playground.WholeBranch)
	}
	b.Registry.Reset()
	cmd := exec.CommandContext(ctx, b.binary, args...)
	cmd.Env = append(os.Environ(), b.Env()...)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return "", err
	}
	done := make(chan struct{})
	files := make(chan int)
	go func() { files <- mostFiles(cmd.Process.Pid, done) }()
	err := cmd.Wait()
	took := time.Since(begin)
	close(done)
	most := <-files
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, output.String())
	}
	requests := 0
	for _, n := range b.Registry.Requests() {
		requests += n
	}
	usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	disk, err := size(b.dir)
	return fmt.Sprintf("%8.1f %9d %7d %6d %9.0f", took.Seconds(), requests, usage.Maxrss>>10, most,
		float64(disk)/1e6), err
}

// mostFiles looks at how many files a process has open, until it is over.
func mostFiles(pid int, done <-chan struct{}) (most int) {
	for {
		if entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)); err == nil {
			most = max(most, len(entries))
		}
		select {
		case <-done:
			return most
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// size adds up what lies on disk below a directory.
func size(directory string) (total int64, err error) {
	err = filepath.WalkDir(directory, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if stat, ok := info.Sys().(*syscall.Stat_t); err == nil && ok {
			total += stat.Blocks * 512
		}
		return err
	})
	return total, err
}
