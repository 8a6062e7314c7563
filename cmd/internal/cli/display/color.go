package display

import (
	"io"
	"os"

	"golang.org/x/term"
)

// The values of --color.
const (
	ColorAuto   = "auto" // on a terminal, unless NO_COLOR (https://no-color.org) says otherwise
	ColorAlways = "always"
	ColorNever  = "never"
)

// color is a way to stand out: a parameter of the terminal's "select graphic rendition".
type color string

const (
	red    color = "31"
	green  color = "32"
	yellow color = "33"
	cyan   color = "36"
	dim    color = "2"
)

// painter colors text, or leaves it as it is.
type painter bool

func newPainter(w io.Writer, mode string) painter {
	switch mode {
	case ColorAlways:
		return true
	case ColorNever:
		return false
	}
	_, ok := Terminal(w)
	return painter(ok && os.Getenv("NO_COLOR") == "")
}

func (p painter) paint(c color, text string) string {
	if !p || text == "" || c == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// Decorated is a writer that changes what is written to another one.
type Decorated interface{ Inner() io.Writer }

// IsTerminal reports whether a writer leads to a terminal of whatever kind.
func IsTerminal(w io.Writer) bool {
	file := inner(w)
	return file != nil && term.IsTerminal(int(file.Fd()))
}

// Terminal returns the terminal that a writer leads to, if it is one on which the cursor can be moved.
func Terminal(w io.Writer) (*os.File, bool) {
	return inner(w), IsTerminal(w) && os.Getenv("TERM") != "dumb"
}

// inner returns the file that a writer leads to, nil if it leads to none.
func inner(w io.Writer) *os.File {
	if decorated, ok := w.(Decorated); ok {
		return inner(decorated.Inner())
	}
	file, _ := w.(*os.File)
	return file
}
