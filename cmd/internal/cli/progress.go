package cli

import (
	"fmt"
	"io"
	"os"
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
	return &lines{w: streams.Err, verbose: o.verbose, begin: time.Now()}, func() {}
}

// lines is a display of one line an event.
type lines struct {
	mu      sync.Mutex
	w       io.Writer
	verbose bool
	begin   time.Time
}

// Report prints an event; steps inside a stage only when asked for more.
func (l *lines) Report(event rebuild.Event) {
	if event.State == rebuild.Running && !l.verbose {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, "%6.1fs  %s\n", time.Since(l.begin).Seconds(), describeEvent(event))
}

// describeEvent is what all displays say of an event.
func describeEvent(event rebuild.Event) string {
	subject := event.Component
	if subject == "" {
		subject = "release"
	}
	verb := map[rebuild.State]string{rebuild.Started: "…", rebuild.Running: "|", rebuild.Done: "done:", rebuild.Skipped: "skipped:", rebuild.Warned: "warning:"}[event.State]
	text := fmt.Sprintf("%s: %s %s %s", subject, event.Stage, verb, plain.Line(event.Message))
	if event.State == rebuild.Done && event.Stage == rebuild.StagePush {
		text += fmt.Sprintf(" (%.1f MB sent)", float64(event.Bytes)/1e6)
	}
	return text
}
