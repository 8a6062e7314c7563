package dockerfile

import (
	"errors"
	"strings"
)

var errQuotes = errors.New("unbalanced quotes")

// shellWords splits a line at spaces outside quotes, keeping the quotes.
func shellWords(line string) ([]string, error) {
	var words []string
	start, quote := -1, byte(0)
	for i := 0; i < len(line); i++ {
		c := line[i]
		if quote == 0 && strings.IndexByte(" \t\v\f\r\n", c) >= 0 {
			if start >= 0 {
				words = append(words, line[start:i])
			}
			start = -1
			continue
		}
		if start < 0 {
			start = i
		}
		switch {
		case c == '\\' && quote != '\'':
			i++
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	if quote != 0 {
		return nil, errQuotes
	}
	if start >= 0 {
		words = append(words, line[start:])
	}
	return words, nil
}

// unquote removes the quotes and the escapes of one shell word.
func unquote(word string) string {
	if !strings.ContainsAny(word, `"'\`) {
		return word
	}
	var out strings.Builder
	quote := byte(0)
	for i := 0; i < len(word); i++ {
		c := word[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(word):
			i++
			out.WriteByte(word[i])
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote && quote != 0:
			quote = 0
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}
