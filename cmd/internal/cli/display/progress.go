package display

import (
	"encoding/json"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// The values of --progress.
const (
	Auto  = "auto"  // TTY on a terminal, Plain elsewhere
	Plain = "plain" // a line for each event
	TTY   = "tty"   // what is under way in lines that move, what is over above them
	JSON  = "json"  // each event as a JSON object on a line of its own
)

// Options say how progress is shown.
type Options struct {
	Form    string // one of those above; "" = Auto
	Color   string // one of ColorAuto and so on; "" = ColorAuto
	Quiet   bool   // nothing is shown
	Verbose bool   // lines say more; Auto is Plain then
}

// Progress picks the display. The function it returns ends the display; calling it again does nothing.
func Progress(w io.Writer, o Options) (progress.Listener, func()) {
	if o.Quiet {
		return progress.Silent{}, func() {}
	}
	_, isTerminal := Terminal(w)
	paint := newPainter(w, o.Color)
	switch {
	case o.Form == JSON:
		return &records{encoder: json.NewEncoder(w)}, func() {}
	case o.Form == TTY, (o.Form == Auto || o.Form == "") && isTerminal && !o.Verbose:
		screen := newScreen(w, paint)
		return screen, screen.finish
	}
	all := newLines(w, paint, o.Verbose, time.Minute)
	return all, all.finish
}

// records is a display for programs.
type records struct {
	mu      sync.Mutex
	encoder *json.Encoder
}

// record is an event with the time at which it was heard.
type record struct {
	Time time.Time `json:"time"`
	progress.Event
}

// Report writes an event as it is.
func (r *records) Report(event progress.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.encoder.Encode(record{time.Now().UTC(), event}) // where the reader went away the writer ends the job
}

// nothing is the subject of what is about no component.
const nothing = "release"

// subject is what an event is about, for a person.
func subject(event progress.Event) string {
	if event.Component == "" {
		return nothing
	}
	return event.Component
}

// stateColor is the color of what is said of a state.
func stateColor(state progress.State) color {
	switch state {
	case progress.Done, progress.Skipped:
		return green
	case progress.Warned:
		return yellow
	case progress.Failed:
		return red
	case progress.Waiting:
		return dim
	}
	return cyan
}

var (
	longDigest = regexp.Delayed(`\b([0-9a-f]{12})(?:[0-9a-f]{52}|[0-9a-f]{28})\b`)
	stepLine   = regexp.Delayed(`^(\[[0-9]+/[0-9]+\] )?STEP ([0-9]+/[0-9]+: .*)`) // "[1/2] STEP 5/12: RUN make"
)

// short cuts digests and ids of commits to what tells them apart, and leaves out where most repositories are.
func short(text string) string {
	return strings.ReplaceAll(longDigest.ReplaceAllString(text, "$1"), "https://github.com/", "")
}

// stepOf returns the step of a Dockerfile that a line of output begins.
func stepOf(line string) (string, bool) {
	m := stepLine.FindStringSubmatch(line)
	if m == nil {
		return "", false
	}
	return m[1] + m[2], true
}

// Wrap breaks the lines of a paragraph anew, between words.
func Wrap(paragraph string, width int) string {
	var lines []string
	for word := range strings.FieldsSeq(paragraph) {
		if n := len(lines); n > 0 && runewidth.StringWidth(lines[n-1])+1+runewidth.StringWidth(word) <= width {
			lines[n-1] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return strings.Join(lines, "\n")
}
