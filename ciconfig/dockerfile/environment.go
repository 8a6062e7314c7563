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

// modules finds a Go module cache, wherever GOPATH is, in what an instruction copies or mounts, or what usually is one
// level above it or two.
var modules = regexp.Delayed(`[/\s"'=,\[]pkg/mod($|[/"',\s\]])|GOMODCACHE|` +
	`[\s"'=,\[](/go|/root/go|\$GOPATH|\$\{GOPATH\})(/pkg)?/?($|["',\s\]])`)

// BringsModules reports whether a Dockerfile takes Go modules from one place to another: by COPY, ADD, or a mount that
// is no cache.
func (f *File) BringsModules() bool {
	for _, one := range f.instructions {
		switch one.command {
		case "COPY", "ADD":
			if modules.MatchString(one.text) {
				return true
			}
		}
		for _, mount := range mounts(one) {
			if modules.MatchString(mount.value) && !strings.Contains(mount.value, "type=cache") {
				return true
			}
		}
	}
	return false
}

// MountsContext reports whether a step has the build context itself, or may have it, without a COPY or ADD.
func (f *File) MountsContext() bool {
	for _, one := range f.instructions {
		for _, mount := range mounts(one) {
			kind, from := "bind", false
			for _, option := range mountOptions(one.text, mount) {
				switch option.name {
				case "type":
					kind = option.value
				case "from":
					from = true
				}
			}
			if kind == "bind" && !from || strings.Contains(mount.value, "$") {
				return true
			}
		}
	}
	return false
}

// Unprivileged returns the stages (from 0) that are built on an image in which a step, of theirs or of a stage that is
// built on them, runs as somebody else than root. users are those of the images, by stage, as their configs have them.
func (f *File) Unprivileged(users map[int]string) map[int]bool {
	parents, _ := f.parents()
	user, unprivileged := map[int]string{}, map[int]bool{}
	stage := -1
	for _, one := range f.instructions {
		switch one.command {
		case "FROM":
			stage++
			user[stage] = users[stage]
			if parent, ok := parents[stage]; ok {
				user[stage] = user[parent]
			}
		case "USER":
			user[stage] = strings.TrimSpace(one.text[len("USER"):])
		case "RUN":
			name, _, _ := strings.Cut(user[stage], ":")
			if name == "" || name == "root" || name == "0" {
				continue
			}
			base := stage
			for parent, ok := base, true; ok; parent, ok = parents[parent] {
				base = parent
			}
			unprivileged[base] = true
		}
	}
	return unprivileged
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
	parents, last := f.parents()
	for stage, ok := last, true; ok; stage, ok = parents[stage] {
		final[stage] = true
	}
	return final
}

// parents returns the stage that each stage is built on, where that is one, and the last stage.
func (f *File) parents() (parents map[int]int, last int) {
	names := map[string]int{}
	parents = map[int]int{}
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
	return parents, last
}
