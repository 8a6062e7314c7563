package display

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// bars is a display for terminals: one line that moves for each component, finished stages above it.
type bars struct {
	progress *mpb.Progress
	begin    time.Time

	mu       sync.Mutex
	lines    map[string]*bar
	finished bool
}

// bar is the line of one component.
type bar struct {
	bar  *mpb.Bar
	mu   sync.Mutex
	text string
}

func newBars(w io.Writer) *bars {
	return &bars{progress: mpb.New(mpb.WithOutput(w), mpb.WithRefreshRate(150*time.Millisecond)), begin: time.Now(), lines: map[string]*bar{}}
}

// Report shows an event: what is under way in the component's line, what is over or worth knowing as a line that stays.
func (b *bars) Report(event progress.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.finished {
		return
	}
	switch event.State {
	case progress.Started, progress.Running:
		text := fmt.Sprintf("%s  %s", event.Stage, plain.Line(event.Message))
		if event.Bytes > 0 {
			text += fmt.Sprintf("  %.1f MB", float64(event.Bytes)/1e6)
		}
		b.line(event.Component).set(text)
	default:
		b.line(event.Component).set("")
		fmt.Fprintf(b.progress, "%6.1fs  %s\n", time.Since(b.begin).Seconds(), describeEvent(event))
	}
}

// line returns the moving line of a component.
func (b *bars) line(component string) *bar {
	name := component
	if name == "" {
		name = "release"
	}
	if line, ok := b.lines[name]; ok {
		return line
	}
	line := &bar{}
	line.bar = b.progress.New(0, mpb.SpinnerStyle(), mpb.BarRemoveOnComplete(),
		mpb.AppendDecorators(decor.Name(" "+name+"  "), decor.Elapsed(decor.ET_STYLE_GO),
			decor.Any(func(decor.Statistics) string { return "  " + line.get() })))
	b.lines[name] = line
	return line
}

func (l *bar) set(text string) {
	const longest = 100
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest-1]) + "…"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = text
}

func (l *bar) get() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}

// finish removes the moving lines and leaves the terminal as it was.
func (b *bars) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.finished {
		return
	}
	b.finished = true
	for _, line := range b.lines {
		line.bar.Abort(true)
	}
	b.progress.Wait()
}
