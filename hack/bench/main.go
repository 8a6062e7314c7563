// bench measures the commands of oc-rebuild against a playground whose registry answers as slowly as a distant one,
// and prints how long each takes and how many requests it makes. `make bench` runs this program.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

func main() {
	binary := flag.String("binary", "bin/oc-rebuild", "the program to measure")
	delay := flag.Duration("delay", 20*time.Millisecond, "how long the registry waits before each answer")
	only := flag.String("only", "", "measure only these commands: build or payload")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *binary, *delay, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measure is one command; before it runs, edit may change the source.
type measure struct {
	name string
	edit func(tree string) error
	args []string
}

func run(ctx context.Context, binary string, delay time.Duration, only string) (err error) {
	binary, err = filepath.Abs(binary)
	if err != nil {
		return err
	}
	return playground.Temporary(ctx, playground.Options{}, func(p *playground.Playground) error {
		if only != "payload" {
			if err := builds(ctx, p, binary, delay); err != nil {
				return err
			}
		}
		if only == "build" {
			return nil
		}
		fmt.Println()
		return payloadVerbs(ctx, p, binary, os.Stdout)
	})
}

// builds measures the main command, and what users type before it.
func builds(ctx context.Context, p *playground.Playground, binary string, delay time.Duration) error {
	p.Registry.Add(playground.Rule{Path: "/v2/", Delay: delay})
	tree := filepath.Join(p.Dir, "machine-config-operator")
	if err := p.Checkout(ctx, "openshift/machine-config-operator", "release-4.17", tree); err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(table, "COMMAND (%s a request)\tSECONDS\tREGISTRY REQUESTS\tGIT REQUESTS\n", delay)
	for _, m := range measures(p, tree) {
		if m.edit != nil {
			if err := m.edit(tree); err != nil {
				return err
			}
		}
		seconds, err := timed(ctx, p, binary, m.args)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		fmt.Fprintf(table, "%s\t%.2f\t%d\t%d\n", m.name, seconds, requests(p), p.Git.Requests())
	}
	return table.Flush()
}

// requests returns how many requests the registry has had since the last call.
func requests(p *playground.Playground) int {
	total := 0
	for method, n := range p.Registry.Requests() {
		if method != "MOUNT" { // counted as a POST too
			total += n
		}
	}
	return total
}

func measures(p *playground.Playground, tree string) []measure {
	job := []string{"--from-release", p.Payload, "--release-repo", p.ReleaseRepo}
	to := append([]string{"--to-image", p.Registry.Host + "/me/release:bench"}, job...)
	local := append([]string{"machine-config-operator=" + tree}, to...)
	return []measure{
		{"info", nil, []string{"info", p.Payload}},
		{"plan, first", nil, append([]string{"plan", "machine-config-operator"}, job...)},
		{"plan, again", nil, append([]string{"plan", "machine-config-operator"}, job...)},
		{"rebuild, first", nil, append([]string{"machine-config-operator"}, to...)},
		{"rebuild, nothing changed", nil, append([]string{"machine-config-operator"}, to...)},
		{"rebuild, a local tree", nil, local},
		{"rebuild, one line changed", func(tree string) error {
			return playground.Edit(filepath.Join(tree, "pkg/drain/drain.go"), "Timeout = time.Hour",
				"Timeout = 2 * time.Hour")
		}, local},
	}
}

// timed runs the program and returns how many seconds it took. What it says is shown when it fails.
func timed(ctx context.Context, p *playground.Playground, binary string, args []string,
	env ...string) (float64, error) {
	p.Registry.Requests()
	p.Git.Requests()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = slices.Concat(os.Environ(), p.Env(), env)
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	return time.Since(begin).Seconds(), nil
}
