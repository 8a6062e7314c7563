// demo runs the main job of oc-rebuild on a playground: it changes one line of an operator, rebuilds the payload with
// that change, shows what differs and runs the changed operator out of the new payload. Every command is printed as a
// user would type it and run by a shell. `make demo` runs this program.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

func main() {
	binary := flag.String("binary", "bin/oc-rebuild", "the program to demonstrate")
	keep := flag.Bool("keep", false, "keep the playground running until interrupted")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *binary, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, binary string, keep bool) (err error) {
	begin := time.Now()
	dir, err := os.MkdirTemp("", "oc-rebuild-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, playground.Remove(dir)) }()
	report := func(step string) { fmt.Fprintf(out, "# setting up, %3.0f s: %s\n", time.Since(begin).Seconds(), step) }
	p, err := playground.Start(ctx, dir, playground.Options{Report: report})
	if err != nil {
		return err
	}
	defer p.Close()
	d := demo{playground: p, out: out, work: filepath.Join(dir, "work"), bin: filepath.Join(dir, "bin"),
		bold: term.IsTerminal(int(os.Stdout.Fd()))}
	if err := d.prepare(binary); err != nil {
		return err
	}
	d.say("A registry listens on %s, a git server on %s (ready after %s).\n"+
		"quay.io, registry.ci.openshift.org and github.com lead there: nothing below leaves this machine.",
		p.Registry.Host, p.Git.URL, time.Since(begin).Round(time.Millisecond))
	if err := d.show(ctx); err != nil {
		return err
	}
	d.say("The demo took %s.", time.Since(begin).Round(time.Second))
	if keep {
		d.say("The playground stays until you interrupt it. To use it in another shell:")
		for _, variable := range p.Env() {
			fmt.Fprintln(out, "export", variable)
		}
		<-ctx.Done()
	}
	return nil
}

// show is the story of the demo.
func (d *demo) show(ctx context.Context) error {
	old := d.playground.OKDPayload
	d.say("1. A payload, and the operator that we want to change in it.")
	if err := d.run(ctx, "oc rebuild info "+old+" | head -n 12"); err != nil {
		return err
	}
	d.say("2. Check the operator out and change one line.")
	if err := d.run(ctx,
		"git clone -q -b release-4.17 https://github.com/openshift/machine-config-operator",
		"sed -i 's/Timeout = time.Hour/Timeout = 10 * time.Minute/' machine-config-operator/pkg/drain/drain.go",
		"git -C machine-config-operator diff -U0 | tail -n 2",
	); err != nil {
		return err
	}
	d.say("3. Rebuild it, as CI would, into a new payload. What is printed on standard output is the payload, by digest.")
	target := d.playground.Registry.Host + "/me/scos-release:4.17.0-drain"
	rebuild := "oc rebuild machine-config-operator=./machine-config-operator \\\n    --from-release " + old +
		" \\\n    --to-image " + target +
		" \\\n    --release-repo ./release"
	if err := d.run(ctx, rebuild); err != nil {
		return err
	}
	d.say("4. What changed between the two payloads.")
	if err := d.run(ctx, "oc rebuild info "+old+" "+target); err != nil {
		return err
	}
	d.say("5. The operator in the old payload and in the new one.")
	for _, pullspec := range []string{old, target} {
		if err := d.drain(ctx, pullspec); err != nil {
			return err
		}
	}
	return nil
}

// drain copies the operator's program out of the image that a payload names, and runs it.
func (d *demo) drain(ctx context.Context, pullspec string) error {
	release, err := d.playground.Release(ctx, pullspec)
	if err != nil {
		return fmt.Errorf("reading payload %s: %w", pullspec, err)
	}
	image := release.PullSpec("machine-config-operator")
	const program = "usr/bin/machine-config-operator"
	if _, err := d.playground.Program(ctx, image, program, d.bin); err != nil {
		return fmt.Errorf("copying the operator out of %s: %w", image, err)
	}
	d.say("/%s of %s:", program, image)
	return d.run(ctx, "machine-config-operator drain")
}
