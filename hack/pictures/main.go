// pictures makes the pictures of the documents with the program itself: a run in a terminal, and what is built on what
// in a real payload. `make pictures` runs it; the second picture needs the real data of the tests.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/hack/terminal"
)

const (
	columns = 110 // of the terminal
	rows    = 40
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, "bin/oc-rebuild", "docs/pictures", filepath.Join("..", "shared", "data")); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary, to, data string) (err error) {
	for _, path := range []*string{&binary, &to, &data} { // programs run elsewhere
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	return playground.Temporary(ctx, playground.Options{}, func(p *playground.Playground) error {
		s := studio{playground: p, binary: binary, work: filepath.Join(p.Dir, "work")}
		if err := os.Mkdir(s.work, 0o755); err != nil {
			return err
		}
		if err := s.rebuild(ctx, filepath.Join(to, "rebuild.svg")); err != nil {
			return fmt.Errorf("making the picture of a run: %w", err)
		}
		if _, err := os.Stat(data); err != nil {
			fmt.Println("The picture of a real payload stays as it is: the real data are not here.")
			return nil
		}
		if err := s.payload(ctx, data, filepath.Join(to, "payload.svg")); err != nil {
			return fmt.Errorf("making the picture of a payload: %w", err)
		}
		return nil
	})
}

// studio is where the program runs.
type studio struct {
	playground   *playground.Playground
	binary, work string
}

func (s *studio) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.work
	cmd.Env = append(append(os.Environ(), s.playground.Env()...), "TERM=xterm-256color")
	cmd.Stderr = os.Stderr
	return cmd
}

// rebuild shows two components of a payload that are rebuilt, one from a working tree with a change.
func (s *studio) rebuild(ctx context.Context, to string) error {
	if err := s.playground.Checkout(ctx, "openshift/machine-config-operator", "release-4.17",
		filepath.Join(s.work, "mco")); err != nil {
		return err
	}
	source := filepath.Join(s.work, "mco", "pkg", "drain", "drain.go")
	text, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	if err := os.WriteFile(source, []byte(strings.Replace(string(text), "time.Hour", "10 * time.Minute", 1)),
		0o644); err != nil {
		return err
	}
	target := s.playground.Registry.Host + "/me/release:drain"
	cmd := s.command(ctx, s.binary, "machine-config-operator=./mco", "coredns", "--from-release",
		s.playground.OKDPayload,
		"--to-image", target, "--release-repo", s.playground.ReleaseRepo, "--isolation", "chroot")
	cmd.Stderr = nil
	output, err := terminal.Run(cmd, columns, rows)
	if err != nil {
		return err
	}
	shown := terminal.NewScreen()
	shown.Write("$ oc rebuild machine-config-operator=./mco coredns \\\r\n    --from-release " +
		s.playground.OKDPayload +
		" \\\r\n    --to-image " + target + "\r\n")
	shown.Write(output)
	return os.WriteFile(to, []byte(shown.SVG("A rebuild of two components, in a terminal")), 0o644)
}

// payload draws the real 4.12.0.
func (s *studio) payload(ctx context.Context, data, to string) error {
	const pullSpec = "quay.io/openshift-release-dev/ocp-release:4.12.0-x86_64"
	if err := s.playground.AddPayload(ctx, filepath.Join(data, "payloads", "4.12.0", "release-manifests"),
		pullSpec); err != nil {
		return err
	}
	// What CI's registry has stands for itself: any image does, for a picture of what is built on what.
	args := []string{"plan", "--all", "--quiet", "-o", "svg", "--from-release", pullSpec, "--release-repo",
		filepath.Join(data, "openshift-release-2024-08")}
	const image = "registry.ci.openshift.org/ocp/4.17:base"
	for _, pattern := range []string{"ocp/builder:*", "ocp/4.*:base"} {
		args = append(args, "--base-image", pattern+"="+image)
	}
	cmd := s.command(ctx, s.binary, args...)
	cmd.Stderr = nil // warns that the real payload's signature is not verified
	picture, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 3) { // 3: the operating system has no source
		return err
	}
	return os.WriteFile(to, picture, 0o644)
}
