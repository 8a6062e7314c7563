package display

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/oc-rebuild/oc-rebuild/hack/terminal"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// open returns the two ends of a terminal of a width.
func open(t *testing.T, columns uint16) (program, person *os.File) {
	t.Helper()
	program, person, err := terminal.Open(columns, 40)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	return program, person
}

var (
	sequence = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")
	allowed  = regexp.MustCompile("^\x1b\\[([0-9]*[AJK]|[0-9;]*m)$")
)

// TestScreen shows a run on terminals of several widths. No line is wider than the terminal, every frame has name,
// stage and time in the same columns, and nothing that a build prints moves the cursor.
func TestScreen(t *testing.T) {
	const hostile = "\x1b[2Jgone\rover\x1b]0;title\a"
	for _, columns := range []uint16{80, 120, 40} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			t.Setenv("TERM", "xterm-256color")
			program, person := open(t, columns)
			out := make(chan string)
			go func() {
				data, _ := io.ReadAll(person) // ends with an error where the other end is closed
				out <- string(data)
			}()
			listener, finish := Progress(renamed{program}, Options{Color: ColorAlways})
			screen, ok := listener.(*screen)
			if !ok {
				t.Fatalf("on a terminal the display is a %T", listener)
			}
			report := func(component string, stage progress.Stage, state progress.State, text string, bytes int64) {
				listener.Report(progress.Event{Component: component, Stage: stage, State: state,
					Message: text, Bytes: bytes})
			}
			report("", progress.Resolve, progress.Started, "reading quay.io/okd/scos-release:4.17.0-okd-scos.0", 0)
			report("", progress.Resolve, progress.Warned,
				strings.Repeat("something that one should know ", 8)+hostile, 0)
			report("a-component-with-a-name-that-is-much-longer-than-its-column", progress.Fetch, progress.Running,
				"https://github.com/o/r: receiving", 12e6)
			report("etcd", progress.Build, progress.Started, "Dockerfile", 0)
			report("etcd", progress.Build, progress.Running,
				"[1/2] STEP 5/12: RUN make "+strings.Repeat("and make ", 30), 0)
			report("etcd", progress.Build, progress.Running, hostile+strings.Repeat("界", 100), 0)
			report("cli", progress.Build, progress.Waiting, "for etcd", 0)
			for i := range 20 {
				report(fmt.Sprintf("component-%d", i), progress.Build, progress.Waiting, "for cli", 0)
			}
			screen.mu.Lock()
			screen.now = func() time.Time { return time.Now().Add(2 * longStep) }
			screen.mu.Unlock()
			time.Sleep(3 * refresh)
			report("etcd", progress.Build, progress.Done, "sha256:"+strings.Repeat("ab", 32), 0)
			report("etcd", progress.Push, progress.Done, "quay.io/me/x@sha256:"+strings.Repeat("cd", 32), 3e6)
			report("cli", progress.Build, progress.Failed, "step 3 failed\n  main.go:1: "+hostile, 0)
			time.Sleep(2 * refresh)
			finish()
			finish()
			report("late", progress.Build, progress.Done, "not shown", 0)
			program.Close()
			text := <-out
			for _, found := range sequence.FindAllString(text, -1) {
				if !allowed.MatchString(found) {
					t.Errorf("the terminal is sent %q", found)
				}
			}
			text = sequence.ReplaceAllString(text, "")
			if strings.ContainsAny(text, "\a\x1b") || strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "over\r") {
				t.Errorf("control characters were passed on: %q", text)
			}
			for line := range strings.SplitSeq(text, "\n") {
				line = strings.TrimRight(line, "\r ")
				// a word is not cut
				if width := runewidth.StringWidth(line); width > int(columns) && !strings.Contains(line, "title") {
					t.Errorf("%d columns: %q", width, line)
				}
				if strings.HasPrefix(line, "etcd ") {
					if at := strings.Index(line, " build "); at >= 0 && at+1 != nameWidth(int(columns))+2 {
						t.Errorf("the stage is in column %d: %q", at+1, line)
					}
				}
			}
			want := []string{"release", "warning: something", "a-component-", "3.0 MB to quay.io", "failed:",
				"[1/2] 5/12", "waits for", "| \\x1b[2Jgone", "more wait", "main.go:1", "abababababab"}
			if columns < 80 { // there is no room for more than the stage
				want = []string{"release", "build", "warning:", "main.go:1", "more wait"}
			}
			for _, part := range want {
				if !strings.Contains(text, part) {
					t.Errorf("%q was not shown:\n%s", part, text)
				}
			}
			if strings.Contains(text, "not shown") {
				t.Error("what came after the end was shown")
			}
		})
	}
}

// renamed is a writer around a terminal, as the command line has it where the program is called by another name.
type renamed struct{ to io.Writer }

func (r renamed) Inner() io.Writer            { return r.to }
func (r renamed) Write(p []byte) (int, error) { return r.to.Write(p) }

// TestForms chooses displays by flags, environment and what is written to.
func TestForms(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	program, _ := open(t, 80)
	defer program.Close()
	for _, test := range []struct {
		w       io.Writer
		o       Options
		term    string
		noColor string
		want    string
	}{
		{w: program, want: "*display.screen, color"},
		{w: program, noColor: "1", want: "*display.screen"},
		{w: program, noColor: "1", o: Options{Color: ColorAlways}, want: "*display.screen, color"},
		{w: program, o: Options{Color: ColorNever}, want: "*display.screen"},
		{w: program, o: Options{Verbose: true}, want: "*display.lines, color"},
		{w: program, o: Options{Form: Plain}, want: "*display.lines, color"},
		{w: program, o: Options{Form: TTY, Verbose: true}, want: "*display.screen, color"},
		{w: program, term: "dumb", want: "*display.lines"},
		{w: program, o: Options{Quiet: true, Form: JSON}, want: "progress.Silent"},
		{w: io.Discard, want: "*display.lines"},
		{w: io.Discard, o: Options{Color: ColorAlways}, want: "*display.lines, color"},
		{w: io.Discard, o: Options{Form: TTY}, want: "*display.screen"},
		{w: io.Discard, o: Options{Form: JSON}, want: "*display.records"},
	} {
		t.Setenv("NO_COLOR", test.noColor)
		t.Setenv("TERM", "xterm")
		if test.term != "" {
			t.Setenv("TERM", test.term)
		}
		listener, finish := Progress(test.w, test.o)
		got := fmt.Sprintf("%T", listener)
		switch l := listener.(type) {
		case *screen:
			if l.paint {
				got += ", color"
			}
		case *lines:
			if l.paint {
				got += ", color"
			}
		}
		finish()
		if got != test.want {
			t.Errorf("%+v, TERM %q, NO_COLOR %q: %s, want %s", test.o, test.term, test.noColor, got, test.want)
		}
	}
}

func TestRecords(t *testing.T) {
	var out bytes.Buffer
	listener, finish := Progress(&out, Options{Form: JSON})
	listener.Report(progress.Event{Component: "etcd", Stage: progress.Push, State: progress.Done,
		Message: "a\x1b\nb", Bytes: 7})
	finish()
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("%q: %v", out.String(), err)
	}
	delete(got, "time")
	if want := map[string]any{"component": "etcd", "stage": "push", "state": "done", "message": "a\x1b\nb",
		"bytes": 7.0}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestShort(t *testing.T) {
	for text, want := range map[string]string{
		"q.io/x@sha256:" + strings.Repeat("0a", 32) + " (1 MB)": "q.io/x@sha256:0a0a0a0a0a0a (1 MB)",
		"https://github.com/o/r at " + strings.Repeat("1b", 20): "o/r at 1b1b1b1b1b1b",
		"no digest: " + strings.Repeat("c", 50) + " https://gitlab.com/a/b": "no digest: " + strings.Repeat("c", 50) +
			" https://gitlab.com/a/b",
	} {
		if got := short(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
