// reliability does again and again what must never leave anything broken, and counts: runs that are killed or
// interrupted at a random moment, a registry that fails a third of its requests, a full disk, several runs at once.
// It prints one line a figure; docs/reliability.md has them. All of it is on loopback.
//
//	reliability [-runs N] [-seed N] [FIGURE...]
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
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

// figure is something that is counted.
type figure struct {
	name    string
	runs    int // where -runs does not say otherwise
	measure func(ctx context.Context, w *world, runs int) error
}

func figures() []figure {
	return []figure{
		{"killed", 200,
			func(ctx context.Context, w *world, runs int) error { return w.ended(ctx, runs, syscall.SIGKILL) }},
		{"interrupted", 100,
			func(ctx context.Context, w *world, runs int) error { return w.ended(ctx, runs, syscall.SIGINT) }},
		{"unreliable", 300, unreliable},
		{"full", 100, full},
		{"together", 50, together},
	}
}

func main() {
	runs := flag.Int("runs", 0, "how often each is tried; 0 = as often as docs/reliability.md says")
	seed := flag.Uint64("seed", 1, "what the random moments are made of")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, "bin/oc-rebuild", *runs, *seed, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "reliability:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, runs int, seed uint64, names []string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.ContainsFunc(figures(), func(f figure) bool { return f.name == name }) {
			return fmt.Errorf("there is no figure %q", name)
		}
	}
	return playground.Temporary(ctx, playground.Options{Whole: true}, func(p *playground.Playground) error {
		var failures []error
		for _, f := range figures() {
			if len(names) > 0 && !slices.Contains(names, f.name) {
				continue
			}
			count := f.runs
			if runs > 0 {
				count = runs
			}
			w := &world{Playground: p, binary: binary, name: f.name, random: rand.New(rand.NewPCG(seed, seed))} //nolint:gosec // to be repeated
			if err := f.measure(ctx, w, count); err != nil {
				failures = append(failures, fmt.Errorf("%s: %w", f.name, err))
			}
			if ctx.Err() != nil {
				break
			}
		}
		return errors.Join(failures...)
	})
}

// world is a machine, on which runs take place.
type world struct {
	*playground.Playground
	binary string
	name   string // the figure's
	random *rand.Rand
	wrong  []string // what should not have been
}

// result is how a run ended.
type result struct {
	code           int // 128 and the number of a signal that ended it, as a shell has it
	stdout, stderr string
	took           time.Duration
}

// to is where a run puts its payload.
func (w *world) to(tag string) string { return w.Registry.Host + "/" + w.name + "/release:" + tag }

// command is a run of the program.
func (w *world) command(ctx context.Context, tag string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.binary, append(args, "--from-release", w.Payload, "--to-image", w.to(tag),
		"--release-repo", w.ReleaseRepo, "--isolation", "chroot")...)
	cmd.Env = append(os.Environ(), w.Env()...)
	return cmd
}

// do carries a command out, and lets during see it while it runs.
func do(cmd *exec.Cmd, during func(cmd *exec.Cmd)) (result, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return result{}, err
	}
	if during != nil {
		go during(cmd)
	}
	err := cmd.Wait()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		return result{}, err
	}
	code := cmd.ProcessState.ExitCode()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = 128 + int(status.Signal())
	}
	return result{code, stdout.String(), stderr.String(), time.Since(begin)}, nil
}

// good carries a command out that has to end well, and returns the digest of the payload.
func good(cmd *exec.Cmd) (string, error) {
	got, err := do(cmd, nil)
	if err == nil && got.code != 0 {
		err = fmt.Errorf("exit code %d: %s", got.code, got.stderr)
	}
	return digest(got), err
}

// digest is that of the payload that a run printed.
func digest(r result) string {
	_, digest, _ := strings.Cut(strings.TrimSpace(r.stdout), "@")
	return digest
}

// note keeps something that should not have been, and prints it at once.
func (w *world) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.wrong = append(w.wrong, text)
	fmt.Fprintln(os.Stderr, text)
}

// conclude prints the line of a figure.
func (w *world) conclude(runs int, format string, args ...any) error {
	fmt.Printf("%-12s %4d runs: %s; wrong: %d\n", w.name, runs, fmt.Sprintf(format, args...), len(w.wrong))
	if len(w.wrong) > 0 {
		return fmt.Errorf("%d things were wrong, the first: %s", len(w.wrong), w.wrong[0])
	}
	return nil
}

// incomplete notes a tag of the registry that leads to something that is not all there.
func (w *world) incomplete(which, tag string) {
	repository := w.name + "/release"
	lacking, err := w.Registry.Lacks(repository, tag)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		w.note("%s: %s:%s: %v", which, repository, tag, err)
	case len(lacking) > 0:
		w.note("%s: %s:%s lacks %q", which, repository, tag, lacking)
	}
}
