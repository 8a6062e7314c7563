package dockerfile

import (
	"bytes"
	"fmt"
	"sort"
	"strings"

	"go.podman.io/storage/pkg/regexp"
)

// MaxSize is the largest Dockerfile that is read, in bytes. Real ones stay under 100 KiB.
const MaxSize = 1 << 20

// maxStages bounds the FROM instructions of a Dockerfile. The largest real ones have about twenty.
const maxStages = 1000

// segment says where a piece of an instruction's text begins in the file.
type segment struct{ text, file int }

// instruction is one instruction with its continuation lines joined.
type instruction struct {
	command  string // upper case
	text     string // the whole instruction, continuation characters removed
	line     int    // 1-based line where it begins
	segments []segment
	end      int // where the file goes on after it and its here-documents
}

// start is where the instruction begins in the file.
func (i instruction) start() int { return i.segments[0].file }

// offset translates a position in the instruction's text to one in the file.
func (i instruction) offset(position int) int {
	n := sort.Search(len(i.segments), func(k int) bool { return i.segments[k].text > position }) - 1
	return i.segments[n].file + position - i.segments[n].text
}

// scanner walks over the lines of a Dockerfile.
type scanner struct {
	data         []byte
	position     int
	line         int // number of the line last read
	continuation regexp.Regexp
}

var (
	backslashContinuation = regexp.Delayed(`\\[ \t]*$`)
	backtickContinuation  = regexp.Delayed("`[ \t]*$")
	escapeDirective       = regexp.Delayed(`^#[ \t]*(?i:escape)[ \t]*=[ \t]*(.)`)
	anyDirective          = regexp.Delayed(`^#[ \t]*[A-Za-z][A-Za-z0-9]*[ \t]*=`)
)

// scan splits a Dockerfile into its instructions.
func scan(data []byte) ([]instruction, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("the Dockerfile has %d bytes, more than %d", len(data), MaxSize)
	}
	s := &scanner{data: data, continuation: backslashContinuation}
	s.position = len(data) - len(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if err := s.directives(); err != nil {
		return nil, err
	}
	var instructions []instruction
	stages := 0
	for {
		one, ok := s.instruction()
		if !ok {
			return instructions, nil
		}
		if one.command == "" {
			continue
		}
		if one.command == "FROM" {
			if stages++; stages > maxStages {
				return nil, fmt.Errorf("line %d: more than %d stages", one.line, maxStages)
			}
		}
		if err := s.skipHeredocs(one); err != nil {
			return nil, err
		}
		one.end = s.position
		instructions = append(instructions, one)
	}
}

// directives looks at the comments at the very top that change how the rest is read; the only one that matters here is
// escape.
func (s *scanner) directives() error {
	for ahead := *s; ; {
		text, _, ok := ahead.next()
		text = strings.TrimSpace(text)
		if !ok || !anyDirective.MatchString(text) {
			return nil
		}
		match := escapeDirective.FindStringSubmatch(text)
		switch {
		case match == nil:
		case match[1] == "`":
			s.continuation = backtickContinuation
		case match[1] != `\`:
			return fmt.Errorf("line %d: the escape directive names %q; it must be \\ or `", ahead.line, match[1])
		}
	}
}

// next returns the next line without its end, and where it begins in the file.
func (s *scanner) next() (text string, start int, ok bool) {
	if s.position >= len(s.data) {
		return "", 0, false
	}
	start = s.position
	end := bytes.IndexByte(s.data[start:], '\n')
	if end < 0 {
		end = len(s.data)
		s.position = end
	} else {
		end += start
		s.position = end + 1
	}
	s.line++
	return strings.TrimSuffix(string(s.data[start:end]), "\r"), start, true
}

// instruction reads the next instruction; its command is empty where there was only a comment or an empty line.
func (s *scanner) instruction() (instruction, bool) {
	text, start, ok := s.next()
	if !ok {
		return instruction{}, false
	}
	trimmed := strings.TrimLeft(text, " \t\v\f\r")
	one := instruction{line: s.line}
	if trimmed == "" || trimmed[0] == '#' {
		return one, true
	}
	var joined strings.Builder
	start += len(text) - len(trimmed)
	for more := s.append(&one, &joined, trimmed, start); more; {
		text, start, ok = s.next()
		if !ok {
			break
		}
		if bare := strings.TrimSpace(text); bare == "" || bare[0] == '#' {
			continue // comments and empty lines between continuation lines do not end the instruction
		}
		more = s.append(&one, &joined, text, start)
	}
	one.text = joined.String()
	if words := strings.Fields(one.text); len(words) > 0 {
		one.command = strings.ToUpper(words[0])
	}
	return one, true
}

// append adds a line to an instruction and reports whether it goes on.
func (s *scanner) append(one *instruction, joined *strings.Builder, text string, start int) bool {
	at := s.continuation.FindStringIndex(text)
	if at != nil {
		text = text[:at[0]]
	}
	one.segments = append(one.segments, segment{joined.Len(), start})
	joined.WriteString(text)
	return at != nil
}

var heredocWord = regexp.Delayed(`^[0-9]*<<(-?)([^<]*)$`)

// skipHeredocs moves past the bodies of the here-documents that an instruction opens.
func (s *scanner) skipHeredocs(one instruction) error {
	switch one.command {
	case "RUN", "COPY", "ADD", "ONBUILD":
	default:
		return nil
	}
	if !strings.Contains(one.text, "<<") {
		return nil
	}
	words, err := shellWords(one.text)
	if err != nil {
		return nil // unbalanced quotes: the builder sees no here-document either
	}
	for i, word := range words {
		match := heredocWord.FindStringSubmatch(word)
		if match == nil {
			continue
		}
		dash, name := match[1], match[2]
		// spaces may follow <<, which a shift in shell arithmetic has too
		if name == "" && dash == "" && i+1 < len(words) {
			name = words[i+1]
		}
		if name == "" || strings.Contains(name, "<") {
			continue
		}
		if err := s.skipTo(unquote(name), dash == "-"); err != nil {
			return fmt.Errorf("line %d: %w", one.line, err)
		}
	}
	return nil
}

// skipTo moves past the line that ends a here-document.
func (s *scanner) skipTo(terminator string, tabs bool) error {
	for {
		text, _, ok := s.next()
		if !ok {
			return fmt.Errorf("the here-document %q has no end", terminator)
		}
		if tabs {
			text = strings.TrimLeft(text, "\t")
		}
		if text == terminator {
			return nil
		}
	}
}
