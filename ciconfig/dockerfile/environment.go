package dockerfile

import (
	"bytes"
	"fmt"
	"strings"

	"go.podman.io/storage/pkg/regexp"
)

// Variable is one environment variable of a build.
type Variable struct{ Name, Value string }

// What can stand in an ENV instruction without quoting, whatever the escape character. Commit ids, tags, addresses
// and times fit.
var (
	plainName  = regexp.Delayed(`^[A-Za-z_][A-Za-z0-9_]*$`)
	plainValue = regexp.Delayed(`^[A-Za-z0-9_.,:/@+~=-]*$`)
)

// WithEnvironment returns the Dockerfile with an ENV instruction after each FROM for whose stage (from 0) there are
// variables. This is how CI hands variables to every stage: build arguments only reach those that declare them.
func (f *File) WithEnvironment(variables func(stage int) []Variable) (*File, error) {
	var edits []edit
	stage := 0
	for _, one := range f.instructions {
		if one.command != "FROM" {
			continue
		}
		line, err := environment(variables(stage))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", one.line, err)
		}
		stage++
		if line == "" {
			continue
		}
		end := one.offset(len(one.text)-1) + 1
		if newline := bytes.IndexByte(f.data[end:], '\n'); newline >= 0 {
			end += newline + 1
		} else { // the file ends without one
			end, line = len(f.data), "\n"+line
		}
		edits = append(edits, edit{end, end, line})
	}
	return f.edited(edits)
}

// BringsModules reports whether a stage (from 0) takes Go modules from elsewhere into a module cache of its own: by
// COPY, ADD, or a mount that is no cache.
func (f *File) BringsModules(stage int) bool {
	const moduleCache = "pkg/mod" // below whatever GOPATH is
	at := -1
	for _, one := range f.instructions {
		switch one.command {
		case "FROM":
			at++
		case "COPY", "ADD":
			if at == stage && strings.Contains(one.text, moduleCache) {
				return true
			}
		case "RUN":
			for _, flag := range flags(one.text) {
				if at == stage && flag.name == "--mount" && strings.Contains(flag.value, moduleCache) &&
					!strings.Contains(flag.value, "type=cache") {
					return true
				}
			}
		}
	}
	return false
}

// environment returns an ENV instruction, or nothing for no variables.
func environment(variables []Variable) (string, error) {
	if len(variables) == 0 {
		return "", nil
	}
	var b strings.Builder
	b.WriteString("ENV")
	for _, v := range variables {
		if !plainName.MatchString(v.Name) || !plainValue.MatchString(v.Value) {
			return "", fmt.Errorf("the variable %q cannot be set to %q", v.Name, v.Value)
		}
		fmt.Fprintf(&b, " %s=\"%s\"", v.Name, v.Value)
	}
	return b.String() + "\n", nil
}

// FinalStages returns the stages that the image itself consists of: the last one, and the earlier ones that it is
// built on by name.
func (f *File) FinalStages() map[int]bool {
	final := map[int]bool{}
	names := map[string]int{}
	parents := map[int]int{}
	last := 0
	for _, r := range f.References {
		if r.Kind != From {
			continue
		}
		if parent, ok := names[r.Expanded]; ok && r.Local {
			parents[r.Stage] = parent
		}
		if r.Name != "" {
			names[r.Name] = r.Stage
		}
		last = r.Stage
	}
	for stage, ok := last, true; ok; stage, ok = parents[stage] {
		final[stage] = true
	}
	return final
}
