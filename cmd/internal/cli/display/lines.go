package display

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// lines is a display of one line an event. When nothing happened for some time it says what is still under way: some
// who start programs end those that are silent.
type lines struct {
	w       io.Writer
	paint   painter
	verbose bool
	begin   time.Time
	silence time.Duration // the longest

	mu       sync.Mutex
	underWay map[string]progress.Event // by component, the last that was heard
	timer    *time.Timer
	ended    bool
}

func newLines(w io.Writer, paint painter, verbose bool, silence time.Duration) *lines {
	l := &lines{w: w, paint: paint, verbose: verbose, begin: time.Now(), silence: silence,
		underWay: map[string]progress.Event{}}
	l.mu.Lock() // the timer may be quicker than the assignment
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(silence, l.remind)
	return l
}

// Report prints an event; steps inside a stage, and what waits, only when asked for more.
func (l *lines) Report(event progress.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch event.State {
	case progress.Waiting, progress.Started, progress.Running:
		l.underWay[event.Component] = event
	case progress.Done, progress.Skipped, progress.Failed:
		delete(l.underWay, event.Component)
	}
	if (event.State == progress.Running || event.State == progress.Waiting) && !l.verbose {
		return
	}
	l.print(event)
}

func (l *lines) print(event progress.Event) {
	fmt.Fprintf(l.w, "%6.1fs  %s\n", time.Since(l.begin).Seconds(), l.describe(event))
	if !l.ended {
		l.timer.Reset(l.silence)
	}
}

// remind says what each component does.
func (l *lines) remind() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended { // it waited for the end
		return
	}
	for _, component := range slices.Sorted(maps.Keys(l.underWay)) {
		event := l.underWay[component]
		if event.State != progress.Waiting {
			event.State = progress.Running
		}
		event.Message = stillUnderWay + event.Message
		l.print(event)
	}
	l.timer.Reset(l.silence)
}

func (l *lines) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.underWay)
	l.ended = true
	l.timer.Stop()
}

func (l *lines) describe(event progress.Event) string {
	return fmt.Sprintf("%s: %s %s %s", subject(event), event.Stage,
		l.paint.paint(stateColor(event.State), verbs()[event.State]), message(event))
}

// verbs are how a line says the state of a stage.
func verbs() map[progress.State]string {
	return map[progress.State]string{progress.Waiting: "waits", progress.Started: "…", progress.Running: "|",
		progress.Done:    "done:",
		progress.Skipped: "skipped:", progress.Warned: "warning:", progress.Failed: "failed:"}
}

// paragraph makes a text of several lines safe: only the first of them can be taken for one that this package writes.
// The output of a failed step is anybody's.
func paragraph(text string) string {
	lines := strings.Split(plain.Text(text), "\n")
	for i, line := range lines[1:] {
		lines[i+1] = quoted(line)
	}
	return strings.Join(lines, "\n")
}

// quoted marks a line that could be taken for progress or an error of this program.
func quoted(line string) string {
	if strings.HasPrefix(line, errorLabel) || plainLine.MatchString(line) {
		return "| " + line
	}
	return line
}

// Read makes an event of a line that a program with the plain form of progress wrote, without colors, on another
// machine. ok is false for a line that it does not write.
func Read(line string) (event progress.Event, ok bool) {
	m := plainLine.FindStringSubmatch(line)
	if m == nil {
		return event, false
	}
	event = progress.Event{Component: m[1], Stage: progress.Stage(m[2]), Message: m[4]}
	if event.Component == nothing {
		event.Component = ""
	}
	for state, verb := range verbs() {
		if verb == m[3] {
			event.State = state
		}
	}
	event.Message = strings.TrimPrefix(event.Message, stillUnderWay)
	return event, event.State != ""
}

// stillUnderWay begins what is said of a step that takes long.
const stillUnderWay = "still under way: "

var plainLine = regexp.Delayed(`^ *[0-9]+\.[0-9]s  (\S+?): ([a-z]+) (\S+) (.*)$`)

// message is what an event says, made safe, with what was sent.
func message(event progress.Event) string {
	if event.State == progress.Failed { // with the last lines of a build's output
		return paragraph(event.Message)
	}
	text := plain.Line(event.Message)
	if event.State == progress.Done && event.Stage == progress.Push && event.Bytes > 0 {
		text += fmt.Sprintf(" (%.1f MB sent)", float64(event.Bytes)/1e6)
	} else if event.Bytes > 0 {
		text += fmt.Sprintf("  %.1f MB", float64(event.Bytes)/1e6)
	}
	return text
}
