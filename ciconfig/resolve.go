package ciconfig

import (
	"strings"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
)

// Base is one image that a Dockerfile uses, and what CI makes of it.
type Base struct {
	Reference string `json:"reference"` // text in the Dockerfile
	// pipeline tag that the config puts in its place; "" where it says nothing
	Alias string `json:"alias"`
	// image of CI that it stands for; zero for siblings and for images from elsewhere
	Image    ImageRef        `json:"image"`
	Pullspec string          `json:"-"` // for an image from elsewhere: what to pull
	Sibling  string          `json:"-"` // pipeline tag that must be built first
	Kind     dockerfile.Kind `json:"kind"`
	Line     int             `json:"line"` // 1-based
	Stage    int             `json:"stage"`
	Name     string          `json:"-"`     // what AS calls the stage
	Final    bool            `json:"final"` // the image that is built is based on it
	Reason   string          `json:"reason"`
	Refused  error           `json:"-"` // why it cannot be used as it is: another image must be named in its place
}

// Resolution is a Dockerfile of which it is known what every reference stands for.
type Resolution struct {
	Bases   []Base              // in the order in which they are written; earlier stages and scratch are left out
	Notices []dockerfile.Notice // instructions that reach beyond bases and context, to be shown before a build
	File    *dockerfile.File    // as it is written

	indices []int // of Bases in File.References
}

// mark tells the pipeline tags that substitution puts into a Dockerfile from the text that was there.
const mark = "\x00"

// Resolve finds the images that a Dockerfile uses, and applies the config to them in CI's order: from, then
// inputs[].as, where the references to CI's registries that CI detects by itself count as inputs too. RUN --mount=from=
// is treated like COPY --from, which CI does not do. A Dockerfile that cannot be read is an error of class Unresolved
// that names the line.
func (r Recipe) Resolve(data []byte) (*Resolution, error) {
	args := make(map[string]string, len(r.BuildArgs))
	for _, arg := range r.BuildArgs {
		args[arg.Name] = arg.Value
	}
	file, err := dockerfile.Parse(data, args)
	if err != nil {
		return nil, r.errorf("%w", err)
	}
	as, detected := r.substitutions(data)
	from := ""
	if r.From != "" {
		from = mark + r.From
	}
	marked := make(map[string]string, len(as))
	for text, alias := range as {
		marked[text] = mark + alias
	}
	result := &Resolution{File: file, Notices: file.Notices}
	final := finalReference(file, from, marked)
	for i, text := range file.Substitute(from, marked, true) {
		reference := file.References[i]
		alias, replaced := strings.CutPrefix(text, mark)
		switch {
		case !replaced && reference.Local:
			continue
		case !replaced:
			alias = ""
		}
		if unprintable(reference.Text) {
			return nil, r.errorf("line %d: %q is not the name of an image", reference.Line, reference.Text)
		}
		base := Base{Reference: reference.Text, Kind: reference.Kind, Line: reference.Line, Stage: reference.Stage,
			Name: reference.Name, Final: i == final, Alias: alias}
		if err := r.settle(&base, reference, detected); err != nil {
			return nil, err
		}
		result.Bases = append(result.Bases, base)
		result.indices = append(result.indices, i)
	}
	return result, nil
}

// Declares tells whether the Dockerfile has an ARG for a build argument. Without one it has no effect.
func (r *Resolution) Declares(argument string) bool { return r.File.Arguments[argument] }

// finalReference follows the last FROM through the stages that it names, to the FROM that pulls an image.
func finalReference(file *dockerfile.File, from string, as map[string]string) int {
	texts := file.Substitute(from, as, true)
	stages := map[string]int{} // names of the stages to indices of references
	chain := map[int]int{}     // FROM to the FROM of the stage that it names
	last := -1
	for i, r := range file.References {
		if r.Kind != dockerfile.From {
			continue
		}
		if earlier, ok := stages[r.Expanded]; ok && r.Local && texts[i] == r.Text {
			chain[i] = earlier
		}
		if r.Name != "" {
			stages[r.Name] = i
		}
		last = i
	}
	for {
		earlier, ok := chain[last]
		if !ok {
			return last
		}
		last = earlier
	}
}

// substitutions returns the pipeline tag that takes the place of each literal text: what the config's inputs say, and
// what CI detects.
func (r Recipe) substitutions(data []byte) (as map[string]string, detected map[string]ImageRef) {
	as, detected = map[string]string{}, map[string]ImageRef{}
	for _, input := range r.Inputs {
		for _, text := range input.As {
			as[text] = input.Image
		}
	}
	texts := map[string]string{} // the text that each detected alias stands for: CI keeps the last
	for _, text := range dockerfile.Detect(data, r.From != "") {
		// what becomes of an argument is known when it is expanded
		if _, stated := as[text]; stated || strings.Contains(text, "$") {
			continue
		}
		ref, err := readRegistryReference(text)
		if err != nil {
			continue
		}
		alias := r.config.aliasOf(ref)
		texts[alias], detected[alias] = text, ref
	}
	for alias, text := range texts {
		as[text] = alias
	}
	return as, detected
}

// aliasOf returns the base image that has the given value, or the name under which CI would import it. Where several
// have it, the one that is named like its value is taken, else the first: CI takes any.
func (c *Config) aliasOf(ref ImageRef) string {
	name := ref.Namespace + "_" + ref.Name + "_" + ref.Tag
	if c.BaseImages[name] == ref {
		return name
	}
	for _, alias := range sortedKeys(c.BaseImages) {
		if c.BaseImages[alias] == ref {
			return alias
		}
	}
	return name
}

// settle says what a reference stands for after substitution.
func (r Recipe) settle(base *Base, reference dockerfile.Reference, detected map[string]ImageRef) error {
	if base.Alias == "" {
		return r.settleLiteral(base, reference)
	}
	base.Reason = "the config's inputs replace it by " + base.Alias
	if reference.Last && base.Alias == r.From {
		base.Reason = "the config's from replaces it by " + base.Alias
	}
	step, known := r.config.step(base.Alias)
	if ref, ok := detected[base.Alias]; ok && (!known || step.Base == ref) {
		base.Image, base.Reason = ref, "CI imports what it detects in the Dockerfile"
		if ref.check() != nil {
			return r.errorf("line %d: %q is not an image stream tag", reference.Line, reference.Text)
		}
		return nil
	}
	switch {
	case !known:
		return r.config.unknownTag(base.Alias)
	case step.Kind != StepInput:
		base.Sibling, base.Refused = base.Alias, r.config.refuse(step)
	case step.Pullspec != "":
		base.Pullspec = step.Pullspec
	case step.Base.IsZero():
		return r.errorf("line %d: %q is what the repository's %s names, which was not read", reference.Line,
			base.Alias, BuildRootFile)
	default:
		base.Image = step.Base
	}
	return nil
}

// settleLiteral says what a reference stands for that the config says nothing about.
func (r Recipe) settleLiteral(base *Base, reference dockerfile.Reference) error {
	base.Reason = "the Dockerfile says so, the config nothing"
	if !dockerfile.Valid(reference.Expanded) || strings.HasSuffix(reference.Expanded, ":") {
		base.Refused = r.errorf("line %d: %q becomes %q, which is not the name of an image: is a build argument missing?",
			reference.Line, reference.Text, reference.Expanded)
		return nil
	}
	if reference.Later {
		base.Reason = "no earlier stage has this name, so it is taken for an image; a later stage has it"
	}
	if ref, ok := FromPullspec(reference.Expanded); ok {
		base.Image = ref
		return nil
	}
	base.Pullspec = reference.Expanded
	return nil
}

// Rewrite returns the Dockerfile with the bases replaced by what pick returns for each: a pull spec, or "" to leave the
// text alone. Comments, here-documents and everything else stay as they are.
func (r *Resolution) Rewrite(pick func(Base) string) (*dockerfile.File, error) {
	texts := make([]string, len(r.File.References))
	for i, reference := range r.File.References {
		texts[i] = reference.Text
	}
	for i, base := range r.Bases {
		if text := pick(base); text != "" {
			texts[r.indices[i]] = text
		}
	}
	return r.File.Replace(texts)
}
