// Fetch measures how long it takes to bring an exact commit onto the machine for the first time and again from the
// cache, side by side with `git fetch --depth 1` and `git checkout`, and prints medians, ratios and peak memory.
// `make bench-fetch` runs it:
//
//	make bench-fetch BENCH='-repository https://github.com/openshift/machine-config-operator -commit ID'
//
// url.<base>.insteadOf of the user's git configuration counts for both, so that the repository can be one on loopback.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
)

// options are the program's flags.
type options struct {
	repository, commit string
	branch             string
	pairs              int
	work               string
	once               string // cache and directory of one measurement: this is a process that the benchmark started
}

func main() {
	var o options
	flag.StringVar(&o.repository, "repository", "", "address of the repository")
	flag.StringVar(&o.commit, "commit", "", "whole id of the commit")
	flag.StringVar(&o.branch, "branch", "",
		"branch that the commit is on, where the server gives out no single commits")
	flag.IntVar(&o.pairs, "pairs", 5, "how often to measure; the median counts")
	flag.StringVar(&o.work, "work", "",
		"where to make a temporary directory for checkouts and caches (default: $TMPDIR)")
	flag.StringVar(&o.once, "once", "", "fetch once, with cache and checkout below this directory, and print nothing")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if o.once != "" {
		err = fetch(ctx, o)
	} else {
		err = measure(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// fetch is one fetch and checkout by the library.
func fetch(ctx context.Context, o options) error {
	spec, err := gitsrc.Parse(o.repository + "@" + o.commit)
	if err != nil {
		return err
	}
	store, err := gitsrc.Open(filepath.Join(o.once, "cache"), gitsrc.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	_, err = store.Fetch(ctx, gitsrc.Request{Branch: o.branch, Spec: spec}, filepath.Join(o.once, "checkout"))
	return err
}

// measure runs the pairs in turn: git first in every other one. Nothing is removed before the end: ext4 without a
// journal looks for inodes that were not freed within the last half a minute, so that whoever comes after a removal
// pays for it.
func measure(ctx context.Context, o options) (err error) {
	if o.work, err = os.MkdirTemp(o.work, "oc-rebuild-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(o.work)) }()
	var first, again, git []run
	for i := range o.pairs {
		theirs, ours := filepath.Join(o.work, fmt.Sprint("git-", i)), filepath.Join(o.work, fmt.Sprint("ours-", i))
		steps := []func() error{
			func() error { return add(&git, func() (run, error) { return o.git(ctx, theirs) }) },
			func() error { return add(&first, func() (run, error) { return o.ours(ctx, ours) }) },
		}
		if i%2 == 1 {
			slices.Reverse(steps)
		}
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
		}
		if err := os.Rename(filepath.Join(ours, "checkout"), filepath.Join(ours, "checkout-first")); err != nil {
			return err
		}
		if err := add(&again, func() (run, error) { return o.ours(ctx, ours) }); err != nil {
			return err
		}
		fmt.Printf("pair %d: git %v, first %v, again %v, load %s\n", i+1, git[i], first[i], again[i], load())
	}
	report("first", first, git)
	report("again, from the cache", again, git)
	return nil
}

// run is what one measurement gave.
type run struct {
	elapsed time.Duration
	cpu     time.Duration
	peak    int64 // memory in bytes
}

func (r run) String() string {
	return fmt.Sprintf("%.2f s (cpu %.2f s, %d MiB)", r.elapsed.Seconds(), r.cpu.Seconds(), r.peak>>20)
}

func add(list *[]run, f func() (run, error)) error {
	r, err := f()
	*list = append(*list, r)
	return err
}

// ours measures the library in a process of its own, so that its memory can be seen.
func (o options) ours(ctx context.Context, dir string) (run, error) {
	self, err := os.Executable()
	if err != nil {
		return run{}, err
	}
	return timed(exec.CommandContext(ctx, self, "-repository", o.repository, "-commit", o.commit, "-branch",
		o.branch, "-once", dir))
}

// git measures what somebody would type.
func (o options) git(ctx context.Context, dir string) (run, error) {
	if err := exec.CommandContext(ctx, "git", "init", "-q", dir).Run(); err != nil {
		return run{}, fmt.Errorf("git init: %w", err)
	}
	var sum run
	for _, args := range [][]string{{"fetch", "-q", "--depth", "1", o.repository, o.commit},
		{"checkout", "-q", "FETCH_HEAD"}} {
		r, err := timed(exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...))
		if err != nil {
			return run{}, err
		}
		sum = run{sum.elapsed + r.elapsed, sum.cpu + r.cpu, max(sum.peak, r.peak)}
	}
	return sum, nil
}

func timed(c *exec.Cmd) (run, error) {
	c.Stderr = os.Stderr
	begin := time.Now()
	err := c.Run()
	r := run{elapsed: time.Since(begin)}
	if err != nil {
		return r, fmt.Errorf("%s: %w", filepath.Base(c.Path), err)
	}
	r.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.peak = usage.Maxrss << 10
	}
	return r, nil
}

// report prints medians; the ratio is the median of the ratios of the pairs.
func report(what string, ours, git []run) {
	var seconds, theirs, ratios, peaks []float64
	for i := range ours {
		seconds, theirs = append(seconds, ours[i].elapsed.Seconds()), append(theirs, git[i].elapsed.Seconds())
		ratios = append(ratios, seconds[i]/theirs[i])
		peaks = append(peaks, float64(ours[i].peak)/(1<<20))
	}
	fmt.Printf("%-22s %.2f s   git %.2f s   ratio %.2f (%.2f to %.2f)   peak memory %.0f MiB, at most %.0f\n",
		what, median(seconds),
		median(theirs),
		median(ratios), slices.Min(ratios), slices.Max(ratios), median(peaks), slices.Max(peaks))
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// load returns the machine's load over the last minute.
func load() string {
	text, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
