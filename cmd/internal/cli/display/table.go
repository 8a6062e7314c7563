package display

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
)

// Spaces between columns: Narrow is oc's layout.
const (
	Narrow = 1
	Wide   = 2
)

// Table lines up cells. What comes from a payload or another input goes through plain.Line.
type Table struct {
	text strings.Builder
	tab  *tabwriter.Writer
}

// NewTable begins a table with so many spaces between its columns.
func NewTable(padding int) *Table {
	t := &Table{}
	t.tab = tabwriter.NewWriter(&t.text, 0, 4, padding, ' ', 0)
	return t
}

// Row writes a line of cells.
func (t *Table) Row(cells ...string) {
	for i := range cells {
		cells[i] = plain.Line(cells[i])
	}
	fmt.Fprintln(t.tab, strings.Join(cells, "\t"))
}

// Wrapped is Row for a cell and a text that is broken, between words, where it is wider than so many columns; 0 is as
// wide as it comes. What follows a break begins in the column of the text.
func (t *Table) Wrapped(width int, cell, text string) {
	if width > 0 {
		text = Wrap(plain.Line(text), width)
	}
	for line := range strings.SplitSeq(text, "\n") {
		t.Row(cell, line)
		cell = ""
	}
}

// Width returns how many columns the terminal has that a writer leads to, and 0 where it is none.
func Width(w io.Writer) int {
	file, ok := Terminal(w)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Cut shortens every line of a text to a width; 0 leaves it as it is.
func Cut(text string, width int) string {
	if width == 0 {
		return text
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = fit(lines[i], width)
	}
	return strings.Join(lines, "\n")
}

// Noted writes a line of cells with a note at its end, if there is one.
func (t *Table) Noted(note string, cells ...string) {
	if note != "" {
		cells = append(cells, note)
	}
	t.Row(cells...)
}

// Section begins a block with a heading, whose columns are aligned by themselves.
func (t *Table) Section(heading string) {
	t.tab.Flush()
	fmt.Fprintf(&t.text, "\n%s\n", plain.Line(heading))
}

// Trimmed returns the text without the spaces at the ends of lines.
func (t *Table) Trimmed() string {
	t.tab.Flush()
	lines := strings.Split(t.text.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Write writes the table.
func (t *Table) Write(w io.Writer) error {
	t.tab.Flush()
	if _, err := io.WriteString(w, t.text.String()); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}
