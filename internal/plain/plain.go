package plain

import (
	"io"
	"strconv"
	"strings"
	"unicode"
)

// Text returns s with every control character but newline and tab written as Go escapes it (\x1b), and so every
// invalid byte and every character that changes the direction of text.
func Text(s string) string { return clean(s, true) }

// Line is Text for a place where only one line fits: newlines are escaped too.
func Line(s string) string { return clean(s, false) }

func clean(s string, multiline bool) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\t', r == '\n' && multiline:
			b.WriteRune(r)
		case r == unicode.ReplacementChar && s[i] != "\uFFFD"[0]:
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i]), 16))
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Writer passes what is written to it on to w as Text. Carriage returns, which progress displays use to overwrite a
// line, become newlines.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ io.Writer }

func (w writer) Write(data []byte) (int, error) {
	text := strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\r", "\n")
	if _, err := io.WriteString(w.Writer, Text(text)); err != nil {
		return 0, err
	}
	return len(data), nil
}
