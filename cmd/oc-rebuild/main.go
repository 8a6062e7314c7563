// Command oc-rebuild is the plugin behind `oc rebuild` and `kubectl rebuild`.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli"
	"github.com/oc-rebuild/oc-rebuild/payload/rpmdb"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

var version = "unknown" // set by the linker

func main() {
	syscall.Umask(0o022) // as in CI: files that steps make must not depend on the caller's
	if builder.Reexec() || rpmdb.Reexec() {
		return
	}
	if stdoutClosed() {
		fmt.Fprintln(os.Stderr, "error: standard output is closed, the result would be lost")
		os.Exit(1)
	}
	os.Exit(run())
}

// run is main with deferred calls: os.Exit would skip them.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	// Else what is written where nobody reads ends the program at once, and its temporary files stay. Helpers and steps
	// do not inherit it, as they would if the signal were ignored.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	return cli.Execute(ctx, cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, version, os.Args)
}
