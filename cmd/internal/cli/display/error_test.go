package display

import (
	"errors"
	"strings"
	"testing"
)

// TestLongErrors prints an error with a name of a megabyte in it: where it happened and why can still be read.
func TestLongErrors(t *testing.T) {
	var printed strings.Builder
	Error(&printed, errors.New("opening "+strings.Repeat("x", 1<<20)+": no such thing"), "")
	if got := printed.String(); len(got) > maxMessage+100 || !strings.HasPrefix(got, "error: opening xx") ||
		!strings.HasSuffix(got, "x: no such thing\n") {
		t.Errorf("%d bytes: %s … %s", len(got), got[:100], got[len(got)-100:])
	}
}
