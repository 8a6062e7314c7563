package terminal

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Run runs a command in a terminal, and returns what it sends there.
func Run(cmd *exec.Cmd, columns, rows uint16) (string, error) {
	program, person, err := Open(columns, rows)
	if err != nil {
		return "", err
	}
	defer person.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	output := make(chan []byte)
	go func() {
		var all bytes.Buffer
		_, _ = io.Copy(&all, person) // ends with an error where nobody has the other end any more
		output <- all.Bytes()
	}()
	err = cmd.Run()
	program.Close()
	text := <-output
	if err != nil {
		return "", fmt.Errorf("%w:\n%s", err, text)
	}
	return string(text), nil
}

// cell is one character with its color.
type cell struct {
	r     rune
	class string
}

// Screen is what a terminal shows. It knows what the program's own display sends.
type Screen struct {
	lines [][]cell
	x, y  int
	class string
}

// NewScreen returns an empty one.
func NewScreen() *Screen { return &Screen{} }

var sequence = regexp.MustCompile("^\x1b\\[([0-9;?]*)([A-Za-z])")

// Write shows what a program sends.
func (s *Screen) Write(text string) {
	for len(text) > 0 {
		if m := sequence.FindStringSubmatch(text); m != nil {
			s.control(m[2], m[1])
			text = text[len(m[0]):]
			continue
		}
		r := []rune(text[:min(4, len(text))])[0]
		text = text[len(string(r)):]
		switch r {
		case '\n':
			s.y++
		case '\r':
			s.x = 0
		default:
			for len(s.lines) <= s.y {
				s.lines = append(s.lines, nil)
			}
			for len(s.lines[s.y]) <= s.x {
				s.lines[s.y] = append(s.lines[s.y], cell{' ', ""})
			}
			s.lines[s.y][s.x] = cell{r, s.class}
			s.x++
		}
	}
}

func (s *Screen) control(letter, number string) {
	switch letter {
	case "A":
		n, err := strconv.Atoi(number)
		if err != nil {
			n = 1
		}
		s.y = max(0, s.y-n)
	case "J", "K": // from the cursor on
		if s.y < len(s.lines) {
			s.lines[s.y] = s.lines[s.y][:min(s.x, len(s.lines[s.y]))]
			if letter == "J" {
				s.lines = slices.Delete(s.lines, s.y+1, len(s.lines))
			}
		}
	case "m":
		s.class = ""
		if number != "0" && number != "" {
			s.class = "a" + number
		}
	}
}

const style = `<style>
svg{--ink:#1f2328;--paper:#f6f8fa;--edge:#d0d7de;--a31:#cf222e;--a32:#1a7f37;--a33:#9a6700;--a36:#0969da}
@media (prefers-color-scheme:dark){svg{--ink:#e6edf3;--paper:#161b22;--edge:#30363d;--a31:#ff7b72;--a32:#3fb950;--a33:#d29922;--a36:#58a6ff}}
rect{fill:var(--paper);stroke:var(--edge)}
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:var(--ink);white-space:pre}
.a31{fill:var(--a31)}.a32{fill:var(--a32)}.a33{fill:var(--a33)}.a36{fill:var(--a36)}.a2{opacity:.6}
</style>
`

// SVG draws what the screen shows.
func (s *Screen) SVG(title string) string {
	const character, line, margin = 7.83, 18, 16
	widest := 0
	for _, cells := range s.lines {
		widest = max(widest, len(cells))
	}
	width, height := float64(widest)*character+2*margin, float64(len(s.lines)*line+2*margin)
	var b strings.Builder
	fmt.Fprintf(&b,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\">\n<title>%s</title>\n%s",
		width, height, width, height, title, style)
	fmt.Fprintf(&b, "<rect x=\"1\" y=\"1\" width=\"%.0f\" height=\"%.0f\" rx=\"8\"/>\n", width-2, height-2)
	for y, cells := range s.lines {
		for x := 0; x < len(cells); {
			end := x
			for end < len(cells) && cells[end].class == cells[x].class {
				end++
			}
			text := ""
			for _, c := range cells[x:end] {
				text += string(c.r)
			}
			if strings.TrimSpace(text) != "" {
				fmt.Fprintf(&b, "<text xml:space=\"preserve\" class=%q x=\"%.1f\" y=\"%d\" textLength=\"%.1f\">",
					cells[x].class, margin+float64(x)*character, margin+13+y*line,
					float64(end-x)*character)
				_ = xml.EscapeText(&b, []byte(text)) // a Builder does not fail
				b.WriteString("</text>")
			}
			x = end
		}
		b.WriteString("\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}
