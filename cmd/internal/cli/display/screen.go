package display

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

const (
	maxRows   = 14                     // that move
	maxWait   = 4                      // of them for what waits
	longStep  = 3 * time.Second        // after which the last line of a step's output is shown
	refresh   = 150 * time.Millisecond // of what moves
	timeWidth = 7                      // columns, for "1234.5s"
	stageText = 8                      // columns, for the longest name of a stage
)

// screen is a display for terminals: a line for each component that is under way, with its stage and step, and what is
// over in lines above that stay. Everything has its column, which depends on the terminal's width alone.
type screen struct {
	paint    painter
	progress *mpb.Progress
	bar      *mpb.Bar
	begin    time.Time
	now      func() time.Time

	mu       sync.Mutex
	width    int
	order    []string // components, as they were first heard of
	rows     map[string]*row
	shown    []string // lines of the frame that is drawn
	finished bool
}

// row is what is known of a component.
type row struct {
	name  string
	event progress.Event // the last one of its stage
	step  string         // of a Dockerfile, with its number
	since time.Time      // when the stage began
	moved time.Time      // when the step began
	line  string         // the last of the step's output
}

func newScreen(w io.Writer, paint painter) *screen {
	s := &screen{paint: paint, begin: time.Now(), now: time.Now, rows: map[string]*row{}, width: 80}
	out := []mpb.ContainerOption{mpb.WithOutput(w), mpb.WithRefreshRate(refresh)}
	if file, ok := Terminal(w); ok {
		out[0] = mpb.WithOutput(file)
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			s.width = width
		}
	} else { // somebody wants it although nothing is known of where it goes
		out = append(out, mpb.WithAutoRefresh(), mpb.WithWidth(s.width))
	}
	s.progress = mpb.New(out...)
	fillers := make([]mpb.BarFiller, maxRows)
	for i := range fillers { // drawn from the last to the first
		fillers[i] = mpb.BarFillerFunc(func(w io.Writer, at decor.Statistics) error { return s.draw(w, maxRows-1-i, at.AvailableWidth) })
	}
	footer := mpb.BarFillerFunc(func(w io.Writer, at decor.Statistics) error {
		_, err := io.WriteString(w, s.footer(at.AvailableWidth))
		return err
	})
	// fails only after Wait
	s.bar, _ = s.progress.Add(0, footer, mpb.BarRemoveOnComplete(), mpb.BarFillerTrim(), mpb.BarTopExtender(fillers...))
	return s
}

// Report takes note of an event, and prints what is over or worth knowing.
func (s *screen) Report(event progress.Event) {
	if line := s.note(event); line != "" { // without the lock: whoever draws a frame waits for it
		fmt.Fprintln(s.progress, line)
	}
}

// note takes note of an event, and returns what stays of it.
func (s *screen) note(event progress.Event) (stays string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finished {
		return ""
	}
	r := s.rows[event.Component]
	if r == nil {
		r = &row{name: subject(event), since: s.now()}
		s.rows[event.Component] = r
		s.order = append(s.order, event.Component)
	}
	switch event.State {
	case progress.Warned:
		stays = s.over(event, "", s.width)
	case progress.Done, progress.Skipped, progress.Failed:
		took := ""
		if r.event.Stage == event.Stage && event.State == progress.Done {
			took = seconds(s.now().Sub(r.since))
		}
		stays = s.over(event, took, s.width)
		r.event = event
	default:
		if r.event.Stage != event.Stage || event.State == progress.Started || isOver(r.event) {
			r.since, r.step, r.line = s.now(), "", ""
			r.moved = r.since
		}
		if event.Stage == progress.Build && event.State == progress.Running {
			if step, ok := stepOf(event.Message); ok {
				r.step, r.line, r.moved = step, "", s.now()
			} else if strings.TrimSpace(event.Message) != "" {
				r.line = event.Message
			}
		}
		r.event = event
	}
	return stays
}

func isOver(event progress.Event) bool {
	return event.State == "" || event.State == progress.Done || event.State == progress.Skipped ||
		event.State == progress.Failed
}

// draw writes a row of a frame, of which row 0 is drawn first. A row that is not needed takes no line.
func (s *screen) draw(w io.Writer, index, width int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index == 0 {
		s.width = width
		s.shown = s.frame(width)
	}
	if index >= len(s.shown) {
		return nil
	}
	_, err := io.WriteString(w, s.shown[index]+"\n")
	return err
}

// frame returns the lines of what is under way.
func (s *screen) frame(width int) []string {
	var lines, waiting []string
	for _, component := range s.order {
		r := s.rows[component]
		switch {
		case component == "" || isOver(r.event): // the footer is the release's
		case r.event.State == progress.Waiting:
			waiting = append(waiting, s.moving(r, width)...)
		default:
			lines = append(lines, s.moving(r, width)...)
		}
	}
	const most = maxRows - 1
	if len(lines) > most {
		rest := len(lines) - most
		return append(lines[:most], s.paint.paint(dim, fit(fmt.Sprintf("%d more lines", rest), width)))
	}
	if free := min(most-len(lines), maxWait); len(waiting) > free {
		rest := len(waiting) - free
		return append(append(lines, waiting[:free]...),
			s.paint.paint(dim, fit(fmt.Sprintf("%d more wait", rest), width)))
	}
	return append(lines, waiting...)
}

// moving returns what is shown of a component that is under way.
func (s *screen) moving(r *row, width int) []string {
	text := short(message(r.event))
	if r.event.Stage == progress.Build && r.step != "" {
		text = plain.Line(r.step)
	}
	if r.event.State == progress.Waiting {
		text = "waits " + text
	}
	lines := []string{s.columns(r.name, r.event, text, seconds(s.now().Sub(r.since)), width)}
	if r.line != "" && s.now().Sub(r.moved) > longStep {
		indent := nameWidth(width) + 2
		lines = append(lines, s.paint.paint(dim,
			strings.Repeat(" ", indent)+fit("| "+plain.Line(r.line), width-indent)))
	}
	return lines
}

// footer is the last line: what is done for the payload as a whole, and the time of all.
func (s *screen) footer(width int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[""]
	if r == nil {
		r = &row{name: subject(progress.Event{})}
	}
	text := short(message(r.event))
	if isOver(r.event) {
		r, text = &row{name: r.name}, ""
	}
	return s.columns(r.name, r.event, text, seconds(s.now().Sub(s.begin)), width)
}

// over is what stays of an event.
func (s *screen) over(event progress.Event, took string, width int) string {
	text := short(message(event))
	switch event.State {
	case progress.Failed:
		return s.columns(subject(event), event, "failed:", "", width) + "\n" + text
	case progress.Warned:
		indent := nameWidth(width) + 2 + stageText + 2
		wrapped := strings.ReplaceAll(Wrap("warning: "+text, max(width-indent-1, 10)), "\n",
			"\n"+strings.Repeat(" ", indent))
		return s.columns(subject(event), event, "", "", width) + "  " + s.paint.paint(yellow, wrapped)
	case progress.Skipped:
		text = "skipped: " + text
	case progress.Done:
		if event.Stage == progress.Push && event.Bytes > 0 { // where it went may be cut, how much that was not
			text = fmt.Sprintf("%.1f MB to %s", float64(event.Bytes)/1e6, short(plain.Line(event.Message)))
		}
	}
	return s.columns(subject(event), event, text, took, width)
}

// columns lays out a line: name, stage and text from the left, the time at the right. Without a text and a time the
// line ends after the stage.
func (s *screen) columns(name string, event progress.Event, text, took string, width int) string {
	stage := string(event.Stage)
	line := runewidth.FillRight(cutMiddle(name, nameWidth(width)), nameWidth(width)) + "  " +
		s.paint.paint(stateColor(event.State), runewidth.FillRight(stage, stageText))
	if text == "" && took == "" {
		return line
	}
	room := width - nameWidth(width) - 2 - stageText - 2 - 2 - timeWidth - 1 // the last column stays free
	if room < 1 {
		return fit(runewidth.FillRight(cutMiddle(name, nameWidth(width)), nameWidth(width))+"  "+stage, width-1)
	}
	return strings.TrimRight(line+"  "+runewidth.FillRight(fit(text, room), room)+"  "+
		s.paint.paint(dim, runewidth.FillLeft(took, timeWidth)), " ")
}

// nameWidth is how wide the column of the names is.
func nameWidth(width int) int { return min(max(width*3/10, 8), 36) }

// fit cuts a line at its end.
func fit(text string, width int) string { return runewidth.Truncate(text, max(width, 0), "…") }

// cutMiddle cuts a name so that its beginning and its end stay: many names of components begin alike.
func cutMiddle(name string, width int) string {
	if runewidth.StringWidth(name) <= width {
		return name
	}
	runes := []rune(name)
	end := (width - 1) / 2
	return string(runes[:width-1-end]) + "…" + string(runes[len(runes)-end:])
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }

// finish removes the moving lines and leaves the terminal as it was.
func (s *screen) finish() {
	s.mu.Lock()
	finished := s.finished
	s.finished = true
	s.mu.Unlock()
	if finished {
		return
	}
	s.bar.Abort(true)
	s.progress.Wait()
}
