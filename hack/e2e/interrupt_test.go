package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// interrupt WORD PROGRAM ARG... starts a program, sends it SIGINT once a process with WORD on its command line runs,
// and checks that it ends with exit code 130 and leaves no process, mount, container or temporary file. Storage must
// be the script's own.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) >= 2, "interrupt WORD PROGRAM ARG...")
	cmd := program(ts, args[1:])
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	ts.Check(cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	if !eventually(2*time.Minute, func() bool { return running(args[0]) || len(done) > 0 }) {
		ts.Logf("%s", out.String())
		ts.Fatalf("no process with %q on its command line appears", args[0])
	}
	ts.Check(cmd.Process.Signal(syscall.SIGINT))
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		cmd.Process.Kill()
		ts.Fatalf("still runs 30 seconds after SIGINT:\n%s", out.String())
	}
	ts.Logf("%s", out.String())
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		ts.Fatalf("ends with exit code %d, want 130", code)
	}
	if !eventually(5*time.Second, func() bool { return !running(args[0]) }) {
		ts.Fatalf("leaves a process with %q on its command line", args[0])
	}
	leavesNothing(ts)
}

// leavesNothing checks that there is no mount, container or temporary file of the program. Storage must be the
// script's own.
func leavesNothing(ts *testscript.TestScript) {
	if left := leftovers(ts); left != nil {
		ts.Fatalf("leaves:\n%s", strings.Join(left, "\n"))
	}
}

// leftovers lists mounts, containers and temporary files of the program.
func leftovers(ts *testscript.TestScript) []string {
	left, err := of(ts).Leftovers()
	ts.Check(err)
	return left
}

// running says whether some process has word among its arguments.
func running(word string) bool {
	dirs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return false
	}
	for _, name := range dirs {
		if pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name))); pid == os.Getpid() {
			continue
		}
		data, err := os.ReadFile(name)
		if err == nil && bytes.Contains(append([]byte{0}, data...), []byte("\x00"+word+"\x00")) {
			return true
		}
	}
	return false
}

func eventually(limit time.Duration, holds func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if holds() {
			return true
		}
	}
	return false
}

// faster PROGRAM ARG... -- PROGRAM ARG... runs two commands and checks that the second takes less than half the time
// of the first.
func faster(ts *testscript.TestScript, _ bool, args []string) {
	first, second, found := cutArgs(args)
	usage(ts, found, "faster PROGRAM ARG... -- PROGRAM ARG...")
	begin := time.Now()
	ts.Check(ts.Exec(first[0], first[1:]...))
	middle := time.Now()
	ts.Check(ts.Exec(second[0], second[1:]...))
	once, twice := middle.Sub(begin), time.Since(middle)
	ts.Logf("first %s, second %s", once.Round(time.Millisecond), twice.Round(time.Millisecond))
	if twice*2 > once {
		ts.Fatalf("the second run takes %s and the first %s, want less than half", twice, once)
	}
}

func cutArgs(args []string) (before, after []string, found bool) {
	for i, arg := range args {
		if arg == "--" {
			return args[:i], args[i+1:], i > 0 && i < len(args)-1
		}
	}
	return args, nil, false
}
