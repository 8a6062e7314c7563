package display

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// Progress picks the display: none, bars on a terminal, plain lines elsewhere. The function it returns ends the
// display; calling it again does nothing.
func Progress(w io.Writer, quiet, verbose bool) (progress.Listener, func()) {
	if quiet {
		return progress.Silent{}, func() {}
	}
	file, ok := w.(*os.File)
	if ok && !verbose && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" {
		bars := newBars(w)
		return bars, bars.finish
	}
	all := newLines(w, verbose, time.Minute)
	return all, all.finish
}

// lines is a display of one line an event. When nothing happened for some time it says what is still under way: some
// who start programs end those that are silent.
type lines struct {
	w       io.Writer
	verbose bool
	begin   time.Time
	silence time.Duration // the longest

	mu       sync.Mutex
	underWay map[string]progress.Event // by component, the last that was heard
	timer    *time.Timer
}

func newLines(w io.Writer, verbose bool, silence time.Duration) *lines {
	l := &lines{w: w, verbose: verbose, begin: time.Now(), silence: silence, underWay: map[string]progress.Event{}}
	l.timer = time.AfterFunc(silence, l.remind)
	return l
}

// Report prints an event; steps inside a stage only when asked for more.
func (l *lines) Report(event progress.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch event.State {
	case progress.Started, progress.Running:
		l.underWay[event.Component] = event
	case progress.Done, progress.Skipped, progress.Failed:
		delete(l.underWay, event.Component)
	}
	if event.State == progress.Running && !l.verbose {
		return
	}
	l.print(event)
}

func (l *lines) print(event progress.Event) {
	fmt.Fprintf(l.w, "%6.1fs  %s\n", time.Since(l.begin).Seconds(), describeEvent(event))
	l.timer.Reset(l.silence)
}

// remind says what each component does.
func (l *lines) remind() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, component := range slices.Sorted(maps.Keys(l.underWay)) {
		event := l.underWay[component]
		event.State = progress.Running
		event.Message = "still under way: " + event.Message
		l.print(event)
	}
	l.timer.Reset(l.silence)
}

func (l *lines) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.underWay)
	l.timer.Stop()
}

// describeEvent is what all displays say of an event.
func describeEvent(event progress.Event) string {
	subject := event.Component
	if subject == "" {
		subject = "release"
	}
	verb := map[progress.State]string{progress.Started: "…", progress.Running: "|", progress.Done: "done:",
		progress.Skipped: "skipped:", progress.Warned: "warning:", progress.Failed: "failed:"}[event.State]
	message := plain.Line(event.Message)
	if event.State == progress.Failed { // with the last lines of a build's output
		message = plain.Text(event.Message)
	}
	text := fmt.Sprintf("%s: %s %s %s", subject, event.Stage, verb, message)
	if event.State == progress.Done && event.Stage == progress.Push {
		text += fmt.Sprintf(" (%.1f MB sent)", float64(event.Bytes)/1e6)
	}
	return text
}
