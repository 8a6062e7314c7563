package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

// demo prints and runs commands in the directory work, with bin first on PATH.
type demo struct {
	playground *playground.Playground
	out        io.Writer
	work, bin  string
	bold       bool // the output is a terminal
}

// prepare makes the directories, and puts the program where `oc rebuild` finds it.
func (d *demo) prepare(binary string) error {
	for _, dir := range []string{d.work, d.bin} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("finding the program (run make build first): %w", err)
	}
	if err := os.Symlink(binary, filepath.Join(d.bin, "oc-rebuild")); err != nil {
		return err
	}
	return os.Symlink(d.playground.ReleaseRepo, filepath.Join(d.work, "release"))
}

// say prints a line of the story.
func (d *demo) say(format string, args ...any) {
	text := "# " + strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "\n# ")
	if d.bold {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	fmt.Fprintf(d.out, "\n%s\n", text)
}

// run prints each command after a prompt and runs it. Where there is no oc, the plugin is called by the name of its
// file.
func (d *demo) run(ctx context.Context, commands ...string) error {
	for _, command := range commands {
		fmt.Fprintf(d.out, "$ %s\n", command)
		script := command
		if _, err := exec.LookPath("oc"); err != nil {
			script = strings.ReplaceAll(command, "oc rebuild", "oc-rebuild")
		}
		cmd := exec.CommandContext(ctx, "sh", "-e", "-c", script)
		cmd.Dir = d.work
		cmd.Env = append(os.Environ(), d.playground.Env()...)
		cmd.Env = append(cmd.Env, "PATH="+d.bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		cmd.Stdout, cmd.Stderr = d.out, os.Stderr
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", strings.SplitN(command, "\n", 2)[0], err)
		}
	}
	return nil
}
