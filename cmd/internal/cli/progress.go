package cli

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
	"github.com/oc-rebuild/oc-rebuild/rebuild"
)

// newProgress picks the display: none, bars on a terminal, plain lines elsewhere. The function it returns ends the display; calling it
// again does nothing.
func newProgress(streams Streams, o outputOptions) (rebuild.Progress, func()) {
	if o.quiet {
		return rebuild.Silent{}, func() {}
	}
	file, ok := streams.Err.(*os.File)
	if ok && !o.verbose && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" {
		bars := newBars(streams.Err)
		return bars, bars.finish
	}
	display := newLines(streams.Err, o.verbose, time.Minute)
	return display, display.finish
}

// lines is a display of one line an event. When nothing happened for some time it says what is still under way: some who start programs end
// those that are silent.
type lines struct {
	w       io.Writer
	verbose bool
	begin   time.Time
	silence time.Duration // the longest

	mu       sync.Mutex
	underWay map[string]rebuild.Event // by component, the last that was heard
	timer    *time.Timer
}

func newLines(w io.Writer, verbose bool, silence time.Duration) *lines {
	l := &lines{w: w, verbose: verbose, begin: time.Now(), silence: silence, underWay: map[string]rebuild.Event{}}
	l.timer = time.AfterFunc(silence, l.remind)
	return l
}

// Report prints an event; steps inside a stage only when asked for more.
func (l *lines) Report(event rebuild.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch event.State {
	case rebuild.Started, rebuild.Running:
		l.underWay[event.Component] = event
	case rebuild.Done, rebuild.Skipped, rebuild.Failed:
		delete(l.underWay, event.Component)
	}
	if event.State == rebuild.Running && !l.verbose {
		return
	}
	l.print(event)
}

func (l *lines) print(event rebuild.Event) {
	fmt.Fprintf(l.w, "%6.1fs  %s\n", time.Since(l.begin).Seconds(), describeEvent(event))
	l.timer.Reset(l.silence)
}

// remind says what each component does.
func (l *lines) remind() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, component := range slices.Sorted(maps.Keys(l.underWay)) {
		event := l.underWay[component]
		event.State = rebuild.Running
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
func describeEvent(event rebuild.Event) string {
	subject := event.Component
	if subject == "" {
		subject = "release"
	}
	verb := map[rebuild.State]string{rebuild.Started: "…", rebuild.Running: "|", rebuild.Done: "done:", rebuild.Skipped: "skipped:", rebuild.Warned: "warning:", rebuild.Failed: "failed:"}[event.State]
	message := plain.Line(event.Message)
	if event.State == rebuild.Failed { // with the last lines of a build's output
		message = plain.Text(event.Message)
	}
	text := fmt.Sprintf("%s: %s %s %s", subject, event.Stage, verb, message)
	if event.State == rebuild.Done && event.Stage == rebuild.StagePush {
		text += fmt.Sprintf(" (%.1f MB sent)", float64(event.Bytes)/1e6)
	}
	return text
}
