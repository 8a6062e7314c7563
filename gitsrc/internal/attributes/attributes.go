package attributes

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitattributes"
	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// File is the name of the files with rules. One counts for its directory, and for those below.
const File = ".gitattributes"

const (
	// MaxFile is how many bytes such a file may have.
	MaxFile = 1 << 20
	// maxRules is how many may count for a file: each is compared with each name.
	maxRules = 2000
)

// Rules are those of a directory and the ones above it. The zero value has none.
type Rules struct{ list []rule }

// rule is a line of a .gitattributes.
type rule struct {
	pattern    gitattributes.Pattern
	attributes []attribute
}

// attribute is one that changes files, and what a rule makes of it: "true", "false", "" where the rule takes it back,
// or another value.
type attribute struct{ name, value string }

// With returns the rules with those of a .gitattributes in a directory, slash-separated and "" for the top; they win.
// Lines that make no sense are left out, as git does; more rules than there may be are a *pack.LimitError.
func (r Rules) With(directory string, text []byte) (Rules, error) {
	var domain []string
	if directory != "" {
		domain = strings.Split(directory, "/")
	}
	list := slices.Clip(r.list)
	for line := range bytes.Lines(text) {
		pattern, rest := cutPattern(string(line))
		if !isPattern(pattern) {
			continue
		}
		if known := parse(rest); len(known) > 0 {
			list = append(list, rule{gitattributes.ParsePattern(pattern, domain), known})
		}
	}
	if len(list) > maxRules {
		return Rules{}, pack.OverLimit("with %s of %q more than %d rules count there", File, directory, maxRules)
	}
	return Rules{list}, nil
}

// cutPattern cuts the first word off a line. It may be quoted.
func cutPattern(line string) (pattern, rest string) {
	line = strings.TrimSpace(line)
	if quoted, err := strconv.QuotedPrefix(line); err == nil && line[0] == '"' {
		if pattern, err = strconv.Unquote(quoted); err == nil {
			return pattern, line[len(quoted):]
		}
	}
	end := strings.IndexAny(line, " \t\r")
	if end < 0 || line[0] == '#' {
		return "", ""
	}
	return line[:end], line[end:]
}

// isPattern tells whether a pattern may fit a file: those of macros, exceptions and directories do not.
func isPattern(pattern string) bool {
	return pattern != "" && pattern[0] != '!' && !strings.HasPrefix(pattern, "[attr]") &&
		!strings.HasSuffix(pattern, "/") && !strings.Contains(pattern, "//")
}

// isAttribute is what an attribute looks like. A line with anything else does not count.
var isAttribute = regexp.Delayed(`^[-!]?[A-Za-z0-9_.][-A-Za-z0-9_.]*(=.*)?$`)

// parse reads the attributes of a line, of those that change files.
func parse(text string) []attribute {
	var list []attribute
	for _, word := range strings.Fields(text) {
		if !isAttribute.MatchString(word) {
			return nil
		}
		name, value, valued := strings.Cut(strings.TrimLeft(word, "-!"), "=")
		switch {
		case word[0] == '-':
			value = "false"
		case word[0] == '!':
			value = ""
		case !valued:
			value = "true"
		}
		switch name {
		case "text", "crlf", "eol", "ident", "binary":
			list = append(list, attribute{name, value})
		}
	}
	return list
}

// Of returns what is done to a file, by its slash-separated path from the top. The last rule that speaks of an
// attribute decides it.
func (r Rules) Of(path string) Conversion {
	if len(r.list) == 0 {
		return Conversion{}
	}
	parts, values := strings.Split(path, "/"), map[string]string{}
	decide := func(a attribute) bool {
		_, decided := values[a.name]
		if !decided {
			values[a.name] = a.value
		}
		return !decided
	}
	for _, rule := range slices.Backward(r.list) {
		if !rule.pattern.Match(parts) {
			continue
		}
		for _, a := range slices.Backward(rule.attributes) {
			if decide(a) && a == (attribute{"binary", "true"}) {
				decide(attribute{"text", "false"})
			}
		}
	}
	return conversionOf(values)
}
