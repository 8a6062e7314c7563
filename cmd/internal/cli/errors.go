package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
)

// printError prints an error the way oc does, and under it the next thing to try.
func printError(w io.Writer, err error) {
	if fault.KindOf(err) == fault.Interrupted {
		fmt.Fprintln(w, "error: interrupted; nothing was published that refers to missing content, and the same command can be run again")
		return
	}
	fmt.Fprintf(w, "error: %s\n", plain.Text(err.Error()))
	for _, line := range strings.Split(strings.TrimSpace(fault.AdviceOf(err)), "\n") {
		if line != "" {
			fmt.Fprintf(w, "  %s\n", plain.Line(line))
		}
	}
}
