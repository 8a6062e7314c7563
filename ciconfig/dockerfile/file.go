package dockerfile

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Kind is the instruction in which an image is named.
type Kind string

// The instructions that name images.
const (
	From  Kind = "FROM"
	Copy  Kind = "COPY --from"
	Mount Kind = "RUN --mount"
)

// Reference is one place of a Dockerfile that names an image or a stage.
type Reference struct {
	Kind     Kind
	Text     string // as it is written, variables unexpanded
	Expanded string // with build arguments put in
	Line     int    // 1-based line where it stands
	Stage    int    // 0-based stage it belongs to
	Name     string // FROM only: the name that AS gives to the stage; "" where there is none
	Last     bool   // FROM only: it is the last of the file
	Local    bool   // it names an earlier stage, or is scratch: nothing to pull
	Later    bool   // it names no earlier stage, but a later one has that name: most likely a mistake in the Dockerfile

	start, end int
}

// File is a Dockerfile whose instructions and references are known. It does not change: what edits it returns another
// one. Its form in JSON is its text; the zero value is the Dockerfile that nobody has read, and its text is empty.
type File struct {
	// References in the order in which they are written.
	References []Reference
	// Stages is the number of FROM instructions.
	Stages int
	// Notices are the instructions that reach beyond base images and context: other networks, secrets, remote files.
	Notices []Notice
	// Arguments are the build arguments that an ARG declares: others have no effect.
	Arguments map[string]bool

	data         []byte
	instructions []instruction
	buildArgs    map[string]string
}

// Text returns the Dockerfile. The caller must not change it.
func (f *File) Text() []byte { return f.data }

// IsZero reports whether nobody has read the Dockerfile.
func (f *File) IsZero() bool { return f.Stages == 0 }

// MarshalText returns the text.
func (f File) MarshalText() ([]byte, error) { return f.data, nil }

// UnmarshalText is Parse without build arguments; WithArguments gives them.
func (f *File) UnmarshalText(data []byte) error {
	if len(data) == 0 {
		*f = File{}
		return nil
	}
	parsed, err := Parse(bytes.Clone(data), nil)
	if err == nil {
		*f = *parsed
	}
	return err
}

// WithArguments returns the same Dockerfile, read with other build arguments.
func (f *File) WithArguments(buildArgs map[string]string) (*File, error) {
	if f.IsZero() {
		return f, nil
	}
	return Parse(f.data, buildArgs)
}

// Parse finds the references of a Dockerfile. The build arguments given by the caller win over the defaults that the
// Dockerfile states; they only matter for Reference.Expanded. Errors name the line.
func Parse(data []byte, buildArgs map[string]string) (*File, error) {
	instructions, err := scan(data)
	if err != nil {
		return nil, err
	}
	declared := map[string]bool{}
	p := &reader{
		file:   &File{Arguments: declared, data: data, instructions: instructions, buildArgs: buildArgs},
		args:   arguments{declared: declared, given: buildArgs, global: map[string]string{}},
		stages: map[string]int{},
		last:   -1,
	}
	for _, one := range instructions {
		if err := p.read(one); err != nil {
			return nil, err
		}
	}
	if p.file.Stages == 0 {
		return nil, fmt.Errorf("the Dockerfile has no FROM instruction")
	}
	p.file.References[p.last].Last = true
	p.markLater()
	return p.file, nil
}

// reader collects the references of a file.
type reader struct {
	file   *File
	args   arguments
	stages map[string]int // names and numbers of the stages so far
	last   int            // index of the last FROM
}

// read takes one instruction into account.
func (p *reader) read(one instruction) error {
	p.notice(one)
	switch one.command {
	case "ARG", "ENV":
		p.args.declare(one.command, one.text)
	case "FROM":
		return p.from(one)
	case "COPY":
		return p.flagged(one, Copy, "--from", flags(one.text))
	case "RUN":
		for _, flag := range flags(one.text) {
			if flag.name == "--mount" {
				if err := p.flagged(one, Mount, "from", mountOptions(one.text, flag)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// flagged records the references in the flags of one name, of an instruction inside a stage.
func (p *reader) flagged(one instruction, kind Kind, name string, flags []flag) error {
	for _, flag := range flags {
		if flag.name != name || flag.value == "" || p.file.Stages == 0 {
			continue
		}
		if flag.odd {
			return fmt.Errorf("line %d: the quotes in %s=%q do not match", one.line, name, flag.value)
		}
		p.place(one, Reference{Kind: kind, Stage: p.file.Stages - 1}, flag.value, flag.start, flag.end)
	}
	return nil
}

// from reads FROM [--platform=…] IMAGE [AS NAME].
func (p *reader) from(one instruction) error {
	words := wordSpans(one.text)[1:]
	for len(words) > 0 && strings.HasPrefix(one.text[words[0][0]:words[0][1]], "--") {
		words = words[1:]
	}
	if len(words) == 0 {
		return fmt.Errorf("line %d: FROM names no image", one.line)
	}
	reference := Reference{Kind: From, Stage: p.file.Stages}
	start, end := words[0][0], words[0][1]
	if len(words) >= 3 && strings.EqualFold(one.text[words[1][0]:words[1][1]], "as") {
		reference.Name = p.args.expandGlobal(one.text[words[2][0]:words[2][1]])
	}
	p.args.begin()
	p.file.Stages++
	p.place(one, reference, one.text[start:end], start, end)
	p.last = len(p.file.References) - 1
	p.stages[strconv.Itoa(reference.Stage)] = reference.Stage
	if reference.Name != "" {
		p.stages[reference.Name] = reference.Stage
	}
	return nil
}

// place completes a reference and records it.
func (p *reader) place(one instruction, r Reference, text string, start, end int) {
	r.Text = text
	r.start, r.end = one.offset(start), one.offset(end-1)+1
	r.Line = one.line + strings.Count(string(p.file.data[one.segments[0].file:r.start]), "\n")
	if r.Kind == From {
		r.Expanded = unquote(p.args.expandGlobal(text))
	} else {
		r.Expanded = p.args.expand(text)
	}
	_, known := p.stages[r.Expanded]
	if _, number := strconv.Atoi(r.Expanded); r.Kind == From && number == nil {
		known = false // FROM 0 names an image, COPY --from=0 a stage
	}
	r.Local = known || r.Kind == From && r.Expanded == "scratch"
	p.file.References = append(p.file.References, r)
}

// markLater marks the references to stages that come after them.
func (p *reader) markLater() {
	for i := range p.file.References {
		r := &p.file.References[i]
		if stage, known := p.stages[r.Expanded]; known && !r.Local && stage > r.Stage {
			r.Later = true
		}
	}
}

// Valid reports whether text can stand in a Dockerfile as the name of an image: not empty, no spaces, quotes or control
// characters.
func Valid(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || !unicode.IsPrint(r) || strings.ContainsRune("\"'`\\,", r)
	})
}
