package dockerfile

import (
	"bytes"
	"slices"
	"strings"
)

// Checkpoint is a place in a stage up to which the stage depends on nothing but its base, the values of build
// arguments and, where Sources says so, some files of the build context: an image of what was built up to there can
// stand for it in a later build.
type Checkpoint struct {
	Stage int // 0-based
	// Sources are what COPY and ADD take from the build context before this place, as it is written: paths and
	// patterns. None of them is the whole of it, which changes with every edit.
	Sources []string
	// Final says that the stage is the image itself, and not only copied from.
	Final bool

	data       []byte   // the file
	head, from int      // where the file's first FROM and the stage's begin
	end        int      // the place
	name       string   // of the stage
	arguments  []string // the ARG instructions before the place
	step       string   // that comes after the image which stands for the checkpoint; "" = none
}

// Tree is a checkpoint right after the step of a stage that copies the whole build context. What it holds changes with
// every edit, but mostly not by much.
type Tree struct {
	Checkpoint
	Target string // as the step names it
	before int    // where the step begins
}

// Trees returns those of the stages that are only copied from, one of a stage at the most. A file in which a stage is
// built on another one has none.
func (f *File) Trees() []Tree {
	var found []Tree
	if slices.ContainsFunc(f.References, func(r Reference) bool { return r.Kind == From && r.Local }) {
		return nil
	}
	f.stages(func(c Checkpoint, steps []instruction) {
		if t, ok := c.tree(steps); ok && !c.Final {
			found = append(found, t)
		}
	})
	return found
}

func (c Checkpoint) tree(steps []instruction) (Tree, bool) {
	for _, step := range steps {
		before := step.start()
		target, whole := copiesAll(step)
		sources, same := dependence(step, c.Final)
		if !whole && !same {
			break
		}
		c = c.after(step, sources)
		if whole {
			return Tree{c, target, before}, true
		}
	}
	return Tree{}, false
}

// copiesAll returns where a step copies the whole build context to, if that is all it does.
func copiesAll(step instruction) (target string, ok bool) {
	words := strings.Fields(step.text)
	if step.command != "COPY" || strings.ContainsAny(step.text, unread) || len(words) != 3 ||
		words[1] != "." && words[1] != "./" {
		return "", false
	}
	return words[2], true
}

// Before returns the checkpoint right before the step. It has no image in any build.
func (t Tree) Before() Checkpoint {
	c := t.Checkpoint
	c.end = t.before
	return c
}

// Changed returns the checkpoint for an image that holds an earlier state of the build context. The directory, a build
// context of that name, has what changed since.
func (t Tree) Changed(directory string) Checkpoint {
	c := t.Checkpoint
	c.step = "COPY --from=" + directory + " . " + t.Target
	return c
}

// Checkpoints returns the checkpoints of every stage that is built on an image, in the order in which they are
// written. There is one before each step that takes files of the build context, one before the first step that a
// later build cannot take for the same, and one at the end of the stage; all of them only where a RUN comes before,
// since anything else is done sooner than an image is written.
//
// In the stage that is the image itself they come before the first ARG, whose value is written into the history of
// the image, and before the last step. An image that consists of several stages has none in those.
func (f *File) Checkpoints() []Checkpoint {
	var found []Checkpoint
	f.stages(func(c Checkpoint, steps []instruction) { found = append(found, c.in(steps)...) })
	return found
}

// stages calls do for the beginning of each stage that may have checkpoints, with its steps.
func (f *File) stages(do func(Checkpoint, []instruction)) {
	var bases []Reference
	for _, r := range f.References {
		if r.Kind == From {
			bases = append(bases, r)
		}
	}
	begins := func(one instruction) bool { return one.command == "FROM" }
	head := slices.IndexFunc(f.instructions, begins)
	final := f.FinalStages()
	for stage, rest := 0, f.instructions[head:]; len(rest) > 0; stage++ {
		from, steps := rest[0], rest[1:]
		if next := slices.IndexFunc(steps, begins); next >= 0 {
			steps, rest = steps[:next], steps[next:]
		} else {
			rest = nil
		}
		if bases[stage].Local || len(flags(from.text)) > 0 || final[stage] && len(final) > 1 {
			continue
		}
		do(Checkpoint{
			Stage: stage, Final: final[stage], name: bases[stage].Name,
			data: f.data, head: f.instructions[head].start(), from: from.start(),
		}, steps)
	}
}

// in returns the checkpoints of one stage.
func (c Checkpoint) in(steps []instruction) []Checkpoint {
	var found []Checkpoint
	ran := false // since the checkpoint before
	for i, step := range steps {
		sources, same := dependence(step, c.Final)
		same = same && !(c.Final && i == len(steps)-1)
		if ran && (!same || len(sources) > 0) {
			found, ran = append(found, c), false
		}
		if !same {
			return found
		}
		c = c.after(step, sources)
		ran = ran || step.command == "RUN"
	}
	if ran {
		found = append(found, c)
	}
	return found
}

// after returns the place after one more step, which takes sources from the build context.
func (c Checkpoint) after(step instruction, sources []string) Checkpoint {
	c.Sources = append(slices.Clone(c.Sources), sources...)
	if step.command == "ARG" {
		c.arguments = append(slices.Clone(c.arguments), step.text)
	}
	c.end = step.end
	return c
}

// dependence says what a step takes from the build context, and whether a step with the same text, after the same
// steps, with the same values of build arguments and with the same files does the same: as far as buildah's own cache
// takes it to.
func dependence(step instruction, final bool) (sources []string, same bool) {
	switch step.command {
	case "ENV", "LABEL", "WORKDIR", "USER", "EXPOSE":
		return nil, true
	case "ARG":
		return nil, !final && !strings.Contains(step.text, "$")
	case "RUN":
		return nil, len(mounts(step)) == 0
	case "COPY", "ADD":
		return copied(step.text)
	}
	return nil, false
}

// unread are the characters that make a COPY or ADD one that is not looked into.
const unread = "\"'\\`$[<"

// copied is dependence for COPY and ADD. Quotes, variables, lists and here-documents are not looked into.
func copied(text string) (sources []string, same bool) {
	if strings.ContainsAny(text, unread) {
		return nil, false
	}
	image := false
	words := strings.Fields(text)[1:]
	for ; len(words) > 0 && strings.HasPrefix(words[0], "--"); words = words[1:] {
		name, value, _ := strings.Cut(words[0], "=")
		switch {
		case name == "--chown", name == "--chmod":
		case name == "--from" && pinned(value):
			image = true
		default:
			return nil, false
		}
	}
	if len(words) < 2 {
		return nil, false
	}
	if image {
		return nil, true
	}
	for _, source := range words[:len(words)-1] {
		if strings.Contains(source, "://") || strings.HasPrefix(source, "git@") || strings.Trim(source, "./*") == "" {
			return nil, false // from elsewhere, or the whole context
		}
		sources = append(sources, source)
	}
	return sources, true
}

// pinned reports whether the name of an image says what is in it: a pull spec by digest, or an ID.
func pinned(name string) bool {
	_, sum, ok := strings.Cut(name, "@sha256:")
	if !ok {
		sum = name
	}
	return len(sum) == 64 && strings.Trim(sum, "0123456789abcdef") == ""
}

// Text returns a Dockerfile that builds what the checkpoint holds. Together with the values of build arguments and the
// files of Sources it decides all of that.
func (c Checkpoint) Text() []byte {
	return slices.Concat(c.data[:c.head], c.data[c.from:c.end])
}

// TextAfter is Text where image holds an earlier checkpoint of the same stage.
func (c Checkpoint) TextAfter(earlier Checkpoint, image string) []byte {
	return slices.Concat(c.data[:c.head], earlier.resume(image), c.data[earlier.end:c.end])
}

// Resume returns the Dockerfile in which images stand for checkpoints. Both are by number of the stage.
func (f *File) Resume(checkpoints map[int]Checkpoint, images map[int]string) []byte {
	var out bytes.Buffer
	position := 0
	for stage := range f.Stages {
		if c, ok := checkpoints[stage]; ok {
			out.Write(f.data[position:c.from])
			out.Write(c.resume(images[stage]))
			position = c.end
		}
	}
	out.Write(f.data[position:])
	return out.Bytes()
}

// resume returns the FROM of an image that stands for the checkpoint, and what a stage does not get from an image.
func (c Checkpoint) resume(image string) []byte {
	lines := "FROM " + image
	if c.name != "" {
		lines += " AS " + c.name
	}
	for _, argument := range c.arguments {
		lines += "\n" + argument
	}
	if c.step != "" {
		lines += "\n" + c.step
	}
	return []byte(lines + "\n")
}
