package dockerfile

import "strings"

// arguments are the build arguments in force at one place of a Dockerfile.
type arguments struct {
	declared map[string]bool   // by an ARG so far
	given    map[string]string // --build-arg and the config's build_args
	global   map[string]string // ARG before the first FROM
	stage    map[string]string // ARG and ENV since the last FROM; nil before the first
}

// declare takes an ARG or ENV instruction into account.
func (a *arguments) declare(command, text string) {
	words, err := shellWords(text)
	if err != nil { // buildah will say so
		words = strings.Fields(text)
	}
	if len(words) < 2 {
		return
	}
	if command == "ENV" && !strings.Contains(words[1], "=") {
		if len(words) > 2 && a.stage != nil { // ENV NAME VALUE
			a.stage[words[1]] = unquote(a.expand(strings.Join(words[2:], " ")))
		}
		return
	}
	for _, word := range words[1:] {
		name, value, valued := strings.Cut(word, "=")
		if command == "ENV" {
			if a.stage != nil {
				a.stage[name] = unquote(a.expand(value))
			}
			continue
		}
		a.argument(name, unquote(a.expand(value)), valued)
	}
}

// argument declares one ARG: what was given on the command line wins over the default that the Dockerfile states.
func (a *arguments) argument(name, value string, valued bool) {
	a.declared[name] = true
	scope := a.global
	if a.stage != nil {
		scope = a.stage
		if outer, known := a.global[name]; known && !valued {
			value, valued = outer, true
		}
	}
	if given, ok := a.given[name]; ok {
		value, valued = given, true
	}
	if valued {
		scope[name] = value
	}
}

// begin starts a stage: its ARGs are its own.
func (a *arguments) begin() { a.stage = map[string]string{} }

// lookup returns the value of a variable: FROM sees the ARGs before the first FROM alone, the rest sees what its stage
// declared.
func (a *arguments) lookup(name string) (string, bool) {
	if a.stage != nil {
		value, ok := a.stage[name]
		return value, ok
	}
	value, ok := a.global[name]
	return value, ok
}

// expandGlobal expands a FROM, which is outside any stage.
func (a *arguments) expandGlobal(text string) string {
	outside := arguments{global: a.global}
	return outside.expand(text)
}

// expand replaces $NAME, ${NAME}, ${NAME:-default} and ${NAME:+other} outside single quotes, and keeps the quotes. A
// variable without a value is replaced by nothing, as in a build.
func (a *arguments) expand(text string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	var out strings.Builder
	literal := false // between single quotes
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && text[i+1] == '$' {
			i++
			out.WriteByte('$')
			continue
		}
		literal = literal != (text[i] == '\'')
		if text[i] != '$' || literal {
			out.WriteByte(text[i])
			continue
		}
		value, length := a.variable(text[i+1:])
		if length == 0 {
			out.WriteByte('$')
		}
		out.WriteString(value)
		i += length
	}
	return out.String()
}

// variable reads what follows a $ and returns its value and how many bytes it took; 0 where there is no variable.
func (a *arguments) variable(text string) (string, int) {
	if !strings.HasPrefix(text, "{") {
		n := nameLength(text)
		if n == 0 {
			return "", 0
		}
		value, _ := a.lookup(text[:n])
		return value, n
	}
	end := strings.IndexByte(text, '}')
	if end < 0 {
		return "", 0
	}
	inner := text[1:end]
	n := nameLength(inner)
	if n == 0 {
		return "", 0
	}
	value, ok := a.lookup(inner[:n])
	modifier := inner[n:]
	if rest, colon := strings.CutPrefix(modifier, ":"); colon {
		modifier, ok = rest, value != ""
	}
	switch {
	case strings.HasPrefix(modifier, "-") && !ok:
		return modifier[1:], end + 1
	case strings.HasPrefix(modifier, "+") && ok:
		return modifier[1:], end + 1
	case strings.HasPrefix(modifier, "+"):
		return "", end + 1
	}
	return value, end + 1
}

// nameLength returns how many bytes at the beginning of text make a variable's name.
func nameLength(text string) int {
	n := 0
	for n < len(text) {
		c := text[n]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (n == 0 || c < '0' || c > '9') {
			break
		}
		n++
	}
	return n
}
