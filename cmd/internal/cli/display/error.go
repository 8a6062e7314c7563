package display

import (
	"fmt"
	"io"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
)

// Error prints an error the way oc does, and under it the next thing to try. mode is one of ColorAuto and so on.
func Error(w io.Writer, err error, mode string) {
	label := newPainter(w, mode).paint(red, errorLabel)
	if fault.KindOf(err) == fault.Interrupted {
		fmt.Fprintln(w,
			label+" interrupted; nothing was published that refers to missing content, and the same command can be run again")
		return
	}
	fmt.Fprintf(w, "%s %s\n", label, paragraph(cut(err.Error(), maxMessage)))
	for _, line := range strings.Split(strings.TrimSpace(fault.AdviceOf(err)), "\n") {
		if line != "" {
			fmt.Fprintf(w, "  %s\n", quoted(plain.Line(cut(line, maxMessage))))
		}
	}
}

// errorLabel begins the line of an error.
const errorLabel = "error:"

// maxMessage is how many bytes of a message are printed. The last lines of a failed step fit; what a payload or a
// server has in place of a name may be much longer.
const maxMessage = 32 << 10

// cut keeps the beginning and the end of a text that has more than so many bytes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	const end = 1 << 10 // the cause of an error stands there
	return fmt.Sprintf("%s … (%d bytes left out) … %s", text[:most-end], len(text)-most, text[len(text)-end:])
}
