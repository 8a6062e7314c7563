package dockerfile

import (
	"bytes"
	"fmt"
)

// Substitute returns what CI puts in place of each reference, in the order of References; the text itself where CI
// changes nothing.
//
// The order is CI's: first, where from is not empty, the image of the last FROM becomes from; then every FROM and
// every COPY --from whose text, before build arguments are expanded, is a key of as becomes its value. A COPY --from
// that names a stage seen so far is left alone; a FROM that does is not. RUN --mount=from= is never touched by CI: it
// is here where mounts is set.
func (f *File) Substitute(from string, as map[string]string, mounts bool) []string {
	out := make([]string, len(f.References))
	for i, r := range f.References {
		text := r.Text
		if r.Last && from != "" {
			text = from
		}
		out[i] = text
		switch {
		case r.Kind == Copy && r.Local, r.Kind == Mount && (r.Local || !mounts):
			continue
		}
		if replacement, ok := as[text]; ok {
			out[i] = replacement
		}
	}
	return out
}

// edit is a part of a file and what takes its place.
type edit struct {
	start, end int
	text       string
}

// edited returns the Dockerfile with some of its parts replaced, which stand in the order of the file.
func (f *File) edited(edits []edit) (*File, error) {
	if len(edits) == 0 {
		return f, nil
	}
	var out bytes.Buffer
	position := 0
	for _, e := range edits {
		out.Write(f.data[position:e.start])
		out.WriteString(e.text)
		position = e.end
	}
	out.Write(f.data[position:])
	return Parse(out.Bytes(), f.buildArgs)
}

// Replace returns the Dockerfile with the text of each reference replaced by the one in texts, in the order of
// References. Nothing else changes. A text that could not be the name of an image, unless it is the one already
// there, is an error.
func (f *File) Replace(texts []string) (*File, error) {
	if len(texts) != len(f.References) {
		return nil, fmt.Errorf("%d texts for %d references", len(texts), len(f.References))
	}
	var edits []edit
	for i, r := range f.References {
		if texts[i] == r.Text {
			continue
		}
		if !Valid(texts[i]) {
			return nil, fmt.Errorf("line %d: %q cannot stand for %q: not the name of an image",
				r.Line, texts[i], r.Text)
		}
		edits = append(edits, edit{r.start, r.end, texts[i]})
	}
	return f.edited(edits)
}
