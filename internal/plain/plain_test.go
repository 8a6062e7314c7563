package plain_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
)

func TestTextAndLine(t *testing.T) {
	tests := []struct{ description, input, text, line string }{
		{"ordinary text", "höher: 5\t✓", "höher: 5\t✓", "höher: 5\t✓"},
		{"a colour sequence", "a\x1b[31mb", `a\x1b[31mb`, `a\x1b[31mb`},
		{"lines", "a\nb", "a\nb", `a\nb`},
		{"C1 and DEL", "\u009b1m\x7f", `\u009b1m\x7f`, `\u009b1m\x7f`},
		{"right to left override", "a\u202eb", `a\u202eb`, `a\u202eb`},
		{"a byte that is not UTF-8", "a\xffb", `a\xffb`, `a\xffb`},
		{"a real replacement character", "a\uFFFDb", "a\uFFFDb", "a\uFFFDb"},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			if got := plain.Text(test.input); got != test.text {
				t.Errorf("Text(%q) = %q, want %q", test.input, got, test.text)
			}
			if got := plain.Line(test.input); got != test.line {
				t.Errorf("Line(%q) = %q, want %q", test.input, got, test.line)
			}
		})
	}
}

func TestWriterTurnsCarriageReturnsIntoLines(t *testing.T) {
	var b bytes.Buffer
	if _, err := fmt.Fprint(plain.Writer(&b), "10%\r20%\r\ndone\x07\n"); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "10%\n20%\ndone\\a\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}
