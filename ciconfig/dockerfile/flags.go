package dockerfile

import (
	"slices"
	"strings"
)

// flag is NAME=VALUE in an instruction, with the place of its value in the instruction's text. The value has its
// quotes removed; odd says that they could not be told apart.
type flag struct {
	name, value string
	start, end  int
	odd         bool
}

// wordSpans returns where the words of an instruction begin and end.
func wordSpans(text string) [][2]int {
	var spans [][2]int
	start := -1
	for i := 0; i <= len(text); i++ {
		space := i == len(text) || strings.IndexByte(" \t\v\f\r\n", text[i]) >= 0
		switch {
		case space && start >= 0:
			spans = append(spans, [2]int{start, i})
			start = -1
		case !space && start < 0:
			start = i
		}
	}
	return spans
}

// flags returns the flags that follow an instruction's name. Quotes may surround a flag or its value.
func flags(text string) []flag {
	var found []flag
	position := strings.IndexAny(text, " \t\v\f\r\n")
	for position >= 0 && position < len(text) {
		rest := text[position:]
		position += len(rest) - len(strings.TrimLeft(rest, " \t\v\f\r\n"))
		if !strings.HasPrefix(strings.TrimLeft(text[position:], `"'`), "--") {
			break
		}
		end := flagEnd(text, position)
		word := text[position:end]
		if equals := strings.IndexByte(word, '='); equals > 0 {
			found = append(found, newFlag(word[:equals], text, position+equals+1, end))
		}
		position = end
	}
	return found
}

// flagEnd returns where a flag that begins at start ends: at a space outside quotes.
func flagEnd(text string, start int) int {
	quote := byte(0)
	for i := start; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == 0 && strings.IndexByte(" \t\v\f\r\n", c) >= 0:
			return i
		case c == '\\':
			i++
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	return len(text)
}

// newFlag makes a flag of the value between two places. Quotes may surround the value, parts of it, or more than it:
// then one of them stands at its beginning or end, and is not taken for a part of it.
func newFlag(name, text string, start, end int) flag {
	spans := [][2]int{{start, end}}
	if start < end && isQuote(text[end-1]) {
		spans = append(spans, [2]int{start, end - 1})
	}
	if start < end && isQuote(text[start]) {
		spans = append(spans, [2]int{start + 1, end})
	}
	for _, span := range spans {
		raw := text[span[0]:span[1]]
		if _, err := shellWords(raw); err == nil {
			return flag{name: strings.Trim(name, `"'`), value: unquote(raw), start: span[0], end: span[1]}
		}
	}
	return flag{name: strings.Trim(name, `"'`), value: text[start:end], start: start, end: end, odd: true}
}

// isQuote reports whether a byte is a quote.
func isQuote(c byte) bool { return c == '"' || c == '\'' }

// mounts lists the mounts of a RUN; other instructions have none.
func mounts(one instruction) []flag {
	if one.command != "RUN" {
		return nil
	}
	return slices.DeleteFunc(flags(one.text), func(f flag) bool { return f.name != "--mount" })
}

// mountOptions splits the value of --mount at its commas.
func mountOptions(text string, mount flag) []flag {
	var options []flag
	start := mount.start
	for start <= mount.end {
		end := mount.end
		if comma := strings.IndexByte(text[start:mount.end], ','); comma >= 0 {
			end = start + comma
		}
		if equals := strings.IndexByte(text[start:end], '='); equals > 0 {
			options = append(options, newFlag(text[start:start+equals], text, start+equals+1, end))
		}
		start = end + 1
	}
	return options
}
