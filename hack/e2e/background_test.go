package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// background is a program that a script talks to while it runs.
type background struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the program has ended

	mu   sync.Mutex
	out  []byte // standard output and error
	seen int    // how much of out the script has asked for
}

// backgroundKey finds the background of a script in its environment.
type backgroundKey struct{}

func backgroundOf(ts *testscript.TestScript) *background {
	return ts.Value(backgroundKey{}).(*background)
}

// Write implements io.Writer.
func (b *background) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.out = append(b.out, p...)
	return len(p), nil
}

// find looks for a pattern in what the script has not seen yet, and passes over it.
func (b *background) find(pattern *regexp.Regexp) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := pattern.FindIndex(b.out[b.seen:])
	if at == nil {
		return false
	}
	b.seen += at[1]
	return true
}

// unseen returns what came after the last thing that the script has seen, and how much the program has said in all.
func (b *background) unseen() (text string, total int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.out[b.seen:]), len(b.out)
}

// program is a program that runs in the environment of a script, in the way of a user's.
func program(ts *testscript.TestScript, args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "STORAGE_DRIVER=" + os.Getenv("STORAGE_DRIVER")}
	cmd.Env = append(append(cmd.Env, "GOCOVERDIR="+os.Getenv("GOCOVERDIR")), secretVariables()...)
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
		"TMPDIR", "KUBECONFIG",
		"CONTAINERS_CONF", "CONTAINERS_REGISTRIES_CONF", "CONTAINERS_STORAGE_CONF", "REGISTRY_AUTH_FILE",
		"GIT_CONFIG_GLOBAL",
		"GIT_CONFIG_NOSYSTEM"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}

// begin PROGRAM ARG... starts a program and goes on. It is killed at the end of the script.
func begin(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) >= 1, "begin PROGRAM ARG...")
	b := backgroundOf(ts)
	b.cmd, b.done, b.out, b.seen = program(ts, args), make(chan struct{}), nil, 0
	b.cmd.Stdout, b.cmd.Stderr = b, b
	ts.Check(b.cmd.Start())
	cmd, done := b.cmd, b.done
	go func() { _ = cmd.Wait(); close(done) }()
	ts.Defer(func() { _ = cmd.Process.Kill(); <-done })
}

// sees PATTERN waits until the program says something that matches, after what was seen before.
func sees(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 1, "sees PATTERN")
	b, pattern := backgroundOf(ts), regexp.MustCompile(`(?m)`+args[0])
	found := false
	eventually(2*time.Minute, func() bool {
		ended := b.ended() // before the last look at what it said
		found = b.find(pattern)
		return found || ended
	})
	if !found {
		text, _ := b.unseen()
		ts.Fatalf("does not say %q; since the last thing that was seen:\n%s", args[0], text)
	}
}

// still DURATION checks that the program runs and says nothing for some time.
func still(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 1, "still DURATION")
	wait, err := time.ParseDuration(args[0])
	ts.Check(err)
	b := backgroundOf(ts)
	_, before := b.unseen()
	time.Sleep(wait)
	if text, after := b.unseen(); after != before || b.ended() {
		ts.Fatalf("goes on, or has ended (%v):\n%s", b.ended(), text)
	}
}

// ended reports whether the program has ended.
func (b *background) ended() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

// ends CODE LIMIT sends the program SIGINT and checks that it ends in time, with that exit code, and leaves nothing.
func ends(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 2, "ends CODE LIMIT")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	limit, err := time.ParseDuration(args[1])
	ts.Check(err)
	b := backgroundOf(ts)
	begin := time.Now()
	ts.Check(b.cmd.Process.Signal(syscall.SIGINT))
	select {
	case <-b.done:
	case <-time.After(limit):
		ts.Fatalf("still runs %s after SIGINT", limit)
	}
	ts.Logf("ended after %s\n%s", time.Since(begin).Round(time.Millisecond), bytes.TrimSpace(b.out))
	if code := b.cmd.ProcessState.ExitCode(); code != want {
		ts.Fatalf("ends with exit code %d, want %d", code, want)
	}
	leavesNothing(ts)
}

// shoot sends the program SIGKILL, which it cannot prepare for. An ordinary user's run is in a child of it, to which
// the kernel sends the signal: that one has its locks until it has ended, too.
func shoot(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 0, "shoot")
	b := backgroundOf(ts)
	children := childrenOf(b.cmd.Process.Pid)
	ts.Check(b.cmd.Process.Kill())
	<-b.done
	for _, child := range children {
		if !eventually(30*time.Second, func() bool { return !lives(child) }) {
			ts.Fatalf("process %s, a child of the one that was killed, goes on", child)
		}
	}
}

// childrenOf returns the processes that a process has started.
func childrenOf(pid int) (children []string) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		data, _ := os.ReadFile(list) // a thread may be gone
		children = append(children, strings.Fields(string(data))...)
	}
	return children
}

// lives reports whether a process has not ended. A zombie has, which waits for its parent (proc_pid_stat(5)), unless
// other threads of it are there: what is open in them is closed when the last one ends.
func lives(pid string) bool {
	data, err := os.ReadFile("/proc/" + pid + "/stat")
	_, state, _ := strings.Cut(string(data), ") ")
	threads, _ := filepath.Glob("/proc/" + pid + "/task/*")
	return err == nil && (len(threads) > 1 || !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X"))
}

// clean WORD... checks that no process with one of the words on its command line runs, and that there is no mount,
// container or temporary file; with !, that there is one of these.
func clean(ts *testscript.TestScript, neg bool, args []string) {
	left := leftovers(ts)
	for _, word := range args {
		if running(word) {
			left = append(left, "a process with "+word+" on its command line")
		}
	}
	switch {
	case neg && left == nil:
		ts.Fatalf("nothing is left, which was to be cleared away")
	case !neg && left != nil:
		ts.Fatalf("left:\n%s", strings.Join(left, "\n"))
	}
}

// step WORD waits until a process with WORD on its command line runs.
func step(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 1, "step WORD")
	if !eventually(time.Minute, func() bool { return running(args[0]) }) {
		ts.Fatalf("no process with %q on its command line appears", args[0])
	}
}

// gone waits until the program has ended, and checks that it did so well.
func gone(ts *testscript.TestScript, _ bool, args []string) {
	usage(ts, len(args) == 0, "gone")
	b := backgroundOf(ts)
	if !eventually(time.Minute, b.ended) || b.cmd.ProcessState.ExitCode() != 0 {
		text, _ := b.unseen()
		ts.Fatalf("has not ended well:\n%s", text)
	}
}
