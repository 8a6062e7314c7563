// Build measures how long oc-rebuild takes to build a component, side by side with the distribution's buildah on the
// same Dockerfile, bases, isolation and network, and prints the ratios. `make bench-build` runs it on a component of
// a real payload:
//
//	make bench-build BENCH='-release REF -release-repo DIR -component NAME -source DIR -edit FILE.go'
//
// The source is copied before it is changed. Each command that is compared starts with the base images in its storage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// options are the program's flags.
type options struct {
	binary, buildah      string
	release, releaseRepo string
	component, source    string
	edit                 string
	work                 string
	isolation            string
	cold, rounds         int
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/oc-rebuild", "the program to measure")
	flag.StringVar(&o.buildah, "buildah", "buildah", "the buildah to compare it with")
	flag.StringVar(&o.release, "release", "", "payload to start from")
	flag.StringVar(&o.releaseRepo, "release-repo", "", "openshift/release")
	flag.StringVar(&o.component, "component", "", "component to build")
	flag.StringVar(&o.source, "source", "", "git clone of its source, at the commit to build")
	flag.StringVar(&o.edit, "edit", "", "Go file of a main package in it that gets another line for each change")
	flag.StringVar(&o.work, "work", "",
		"directory for storage and caches, kept for the next time (default: a temporary one)")
	flag.StringVar(&o.isolation, "isolation", "oci", "isolation of both: oci (runc) or chroot")
	flag.IntVar(&o.cold, "cold", 5, "how often to build from nothing; the median counts")
	flag.IntVar(&o.rounds, "rounds", 5, "how often to change a line, and nothing; the median counts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run prepares the bench and takes all measurements.
func run(ctx context.Context, o options) (err error) {
	if o.work == "" {
		if o.work, err = os.MkdirTemp("", "oc-rebuild-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.work)) }()
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	for _, measure := range []func(context.Context) error{b.pull, b.coldBuilds, b.changes, b.nothing} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	return nil
}
