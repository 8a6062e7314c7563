package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/oc-rebuild/oc-rebuild/internal/plain"
)

// Spaces between columns: info has oc's layout, plan its own.
const (
	infoPadding = 1
	planPadding = 2
)

// table lines up cells. What comes from a payload or another input goes through plain.Line.
type table struct {
	text strings.Builder
	tab  *tabwriter.Writer
}

func newTable(padding int) *table {
	t := &table{}
	t.tab = tabwriter.NewWriter(&t.text, 0, 4, padding, ' ', 0)
	return t
}

// row writes a line of cells.
func (t *table) row(cells ...string) {
	for i := range cells {
		cells[i] = plain.Line(cells[i])
	}
	fmt.Fprintln(t.tab, strings.Join(cells, "\t"))
}

// noted writes a line of cells with a note at its end, if there is one.
func (t *table) noted(note string, cells ...string) {
	if note != "" {
		cells = append(cells, note)
	}
	t.row(cells...)
}

// section begins a block with a heading, whose columns are aligned by themselves.
func (t *table) section(heading string) {
	t.tab.Flush()
	fmt.Fprintf(&t.text, "\n%s\n", plain.Line(heading))
}

// trimmed returns the text without the spaces at the ends of lines.
func (t *table) trimmed() string {
	t.tab.Flush()
	lines := strings.Split(t.text.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func (t *table) write(w io.Writer) error {
	t.tab.Flush()
	if _, err := io.WriteString(w, t.text.String()); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}
