package display

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

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
