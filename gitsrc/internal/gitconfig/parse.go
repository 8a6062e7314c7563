package gitconfig

import (
	"fmt"
	"strings"
)

// Entry is one variable of a configuration file.
type Entry struct {
	Section    string // lower case
	Subsection string // as written
	Name       string // lower case
	Value      string
}

const maxFileSize = 1 << 20

// Parse reads the text of a configuration file as `git help config` describes it.
func Parse(text string) ([]Entry, error) {
	p := &parser{text: strings.TrimPrefix(text, "\ufeff"), line: 1}
	for {
		more, err := p.next()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", p.line, err)
		}
		if !more {
			return p.entries, nil
		}
	}
}

type parser struct {
	text                string
	line                int
	section, subsection string
	entries             []Entry
}

// next reads one header or variable, and tells whether it was not at the end.
func (p *parser) next() (bool, error) {
	p.skipSpace(true)
	switch {
	case p.text == "":
		return false, nil
	case p.text[0] == '#' || p.text[0] == ';':
		p.skipLine()
		return true, nil
	case p.text[0] == '[':
		return true, p.header()
	}
	return true, p.variable()
}

func (p *parser) skipSpace(lines bool) {
	for p.text != "" && strings.ContainsRune(" \t\r\n", rune(p.text[0])) && (lines || p.text[0] != '\n') {
		p.take()
	}
}

func (p *parser) skipLine() {
	for p.text != "" && p.text[0] != '\n' {
		p.take()
	}
}

func (p *parser) take() byte {
	c := p.text[0]
	p.text = p.text[1:]
	if c == '\n' {
		p.line++
	}
	return c
}

func (p *parser) word(extra string) string {
	n := 0
	for n < len(p.text) && (isAlphanumeric(p.text[n]) || strings.IndexByte(extra, p.text[n]) >= 0) {
		n++
	}
	word := p.text[:n]
	p.text = p.text[n:]
	return word
}

func isAlphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// header reads [section], [section "subsection"] or the old [section.subsection].
func (p *parser) header() error {
	p.take()
	name := p.word("-.")
	section, sub, _ := strings.Cut(strings.ToLower(name), ".")
	p.skipSpace(false)
	if p.text != "" && p.text[0] == '"' {
		p.take()
		var quoted strings.Builder
		for {
			if p.text == "" || p.text[0] == '\n' {
				return fmt.Errorf("section header without end")
			}
			c := p.take()
			if c == '"' {
				break
			}
			if c == '\\' && p.text != "" && p.text[0] != '\n' {
				c = p.take()
			}
			quoted.WriteByte(c)
		}
		sub = quoted.String()
	}
	if section == "" || p.text == "" || p.text[0] != ']' {
		return fmt.Errorf("bad section header")
	}
	p.take()
	p.section, p.subsection = section, sub
	return nil
}

func (p *parser) variable() error {
	name := p.word("-")
	if name == "" || p.section == "" {
		return fmt.Errorf("neither section nor variable")
	}
	p.skipSpace(false)
	value := "true"
	if p.text != "" && p.text[0] == '=' {
		p.take()
		var err error
		if value, err = p.value(); err != nil {
			return err
		}
	} else if p.text != "" && p.text[0] != '\n' && p.text[0] != '#' && p.text[0] != ';' {
		return fmt.Errorf("variable %q is not followed by =", name)
	}
	p.entries = append(p.entries, Entry{p.section, p.subsection, strings.ToLower(name), value})
	return nil
}

// value reads up to the end of the line: quotes, escapes, comments, and lines that go on after a backslash.
func (p *parser) value() (string, error) {
	p.skipSpace(false)
	var out strings.Builder
	keep := 0 // length of out without the spaces at its end, unless they were quoted
	quoted := false
	for p.text != "" {
		if p.text[0] == '\n' || !quoted && (p.text[0] == '#' || p.text[0] == ';') {
			break
		}
		c := p.take()
		switch {
		case c == '"':
			quoted = !quoted
			keep = out.Len()
			continue
		case c == '\\':
			decoded, err := p.escape()
			if err != nil {
				return "", err
			}
			out.WriteString(decoded)
			keep = out.Len()
			continue
		}
		out.WriteByte(c)
		if quoted || c != ' ' && c != '\t' && c != '\r' {
			keep = out.Len()
		}
	}
	if quoted {
		return "", fmt.Errorf("quote without end")
	}
	p.skipLine()
	return out.String()[:keep], nil
}

func (p *parser) escape() (string, error) {
	if strings.HasPrefix(p.text, "\r\n") {
		p.take()
	}
	if p.text == "" {
		return "", nil
	}
	switch c := p.take(); c {
	case '\n':
		return "", nil
	case 'n':
		return "\n", nil
	case 't':
		return "\t", nil
	case 'b':
		return "\b", nil
	case '\\', '"':
		return string(c), nil
	}
	return "", fmt.Errorf("bad escape in a value")
}
