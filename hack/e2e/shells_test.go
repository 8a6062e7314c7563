package e2e

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/hack/terminal"
)

// TestShells types the beginnings of words into real shells, in a terminal, and presses the tabulator.
func TestShells(t *testing.T) {
	home := t.TempDir()
	cache := filepath.Join(home, "cache")
	if err := os.MkdirAll(filepath.Join(home, "coredns-sources"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, shell := range []struct {
		name, setUp string
		args        []string
	}{
		{"bash", "source /usr/share/bash-completion/bash_completion; source <(oc-rebuild completion bash)",
			[]string{"--norc", "--noprofile", "-i"}},
		{"zsh", "autoload -U compinit; compinit -u -d " + home + "/dump; source <(oc-rebuild completion zsh)",
			[]string{"-f", "-i"}},
		{"fish", "oc-rebuild completion fish | source", []string{"--no-config", "--interactive"}},
	} {
		t.Run(shell.name, func(t *testing.T) {
			path, err := exec.LookPath(shell.name)
			if err != nil {
				t.Skipf("%s is not here", shell.name)
			}
			if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); shell.name == "bash" && err != nil {
				t.Skip("bash-completion is not here")
			}
			cmd := exec.CommandContext(t.Context(), path, shell.args...)
			cmd.Dir = home
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TERM=xterm", "PS1=$ ",
				"XDG_CACHE_HOME=" + cache, "LC_ALL=C.UTF-8", "INPUTRC=/dev/null"}
			s := start(t, cmd)
			s.send(shell.setUp + "; echo re'a'dy\r")
			s.expect("ready")
			for _, test := range []struct{ typed, want string }{
				{"oc-rebuild pla", "oc-rebuild plan "},
				{"oc-rebuild plan --base-pol", "oc-rebuild plan --base-policy"},
				{"oc-rebuild plan --recipe buil", "--recipe build-data"},
				{"oc-rebuild completion fi", "oc-rebuild completion fish"},
				{"oc-rebuild coredns=./cor", "oc-rebuild coredns=./coredns-sources/"},
			} {
				s.send(test.typed + "\t")
				s.expect(test.want)
				s.send("\x15") // the line away
			}
			s.send("exit\r")
		})
	}
}

// session is a shell with somebody in front of it.
type session struct {
	t      *testing.T
	person io.Writer

	mu   sync.Mutex
	seen strings.Builder
	from int // of seen, what was not looked at
}

func start(t *testing.T, cmd *exec.Cmd) *session {
	t.Helper()
	program, person, err := terminal.Open(200, 40)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = controlling()
	s := &session{t: t, person: person}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close()
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(s, person) }) // ends with an error once the shell is gone
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		person.Close()
		reading.Wait()
	})
	return s
}

// Write implements io.Writer, for what the shell shows.
func (s *session) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.Write(p)
}

func (s *session) send(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.person, text); err != nil {
		s.t.Fatal(err)
	}
}

// moves are the sequences with which shells color what is typed and move the cursor.
var moves = regexp.MustCompile("\x1b(\\[[0-9;?<>=]*[A-Za-z]|[()][A-Z0-9]|[=>]|\\][^\a\x1b]*(\a|\x1b\\\\))|\r|\b|\x0f")

// expect waits until the shell shows a text.
func (s *session) expect(text string) {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		s.mu.Lock()
		shown := moves.ReplaceAllString(s.seen.String()[s.from:], "")
		found := strings.Contains(shown, text)
		if found {
			s.from = s.seen.Len()
		}
		s.mu.Unlock()
		if found {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%q is not shown, but %q", text, shown)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// controlling makes the first file of a program its terminal, as a login does.
func controlling() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true, Setctty: true} }
