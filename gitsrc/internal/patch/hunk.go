package patch

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// content returns a file as the patch changes it.
func content(f *gitdiff.File, old []byte) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("malformed: %v", p)
		}
	}()
	if f.IsBinary {
		if f.BinaryFragment == nil {
			return nil, errors.New("is binary, and the patch does not contain its content: make it with git diff --binary")
		}
		var buf bytes.Buffer
		if err := gitdiff.Apply(&buf, bytes.NewReader(old), f); err != nil {
			return nil, err
		}
		return buf.Bytes(), nil
	}
	return applyHunks(f.TextFragments, old)
}

// applyHunks applies text hunks in order. moved is by how many lines the last one was elsewhere than the patch says.
func applyHunks(hunks []*gitdiff.TextFragment, old []byte) ([]byte, error) {
	lines := splitLines(old)
	var out []string
	next, moved := 0, 0
	for i, hunk := range hunks {
		before, after := sides(hunk)
		want := int(hunk.OldPosition) - 1
		if hunk.OldLines == 0 {
			want = int(hunk.OldPosition) // an insertion names the line that it follows
		}
		place := anchors(hunk)
		at, ok := place.locate(lines, before, want+moved, next)
		if !ok {
			err := reason(lines, before, want+moved)
			if _, done := place.locate(lines, after, want+moved, next); done && len(after) > 0 {
				err = errors.New("it is applied already")
			}
			return nil, &Error{Hunk: i + 1, Range: rangeOf(hunk), Err: err}
		}
		out = append(out, lines[next:at]...)
		out = append(out, after...)
		next, moved = at+len(before), at-want
	}
	return []byte(strings.Join(append(out, lines[next:]...), "")), nil
}

func rangeOf(h *gitdiff.TextFragment) string {
	return fmt.Sprintf("@@ -%d,%d +%d,%d @@", h.OldPosition, h.OldLines, h.NewPosition, h.NewLines)
}

func splitLines(data []byte) []string {
	if len(data) == 0 {
		return nil
	}
	lines := strings.SplitAfter(string(data), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// sides returns the lines of a hunk before and after the change.
func sides(hunk *gitdiff.TextFragment) (before, after []string) {
	for _, line := range hunk.Lines {
		if line.Old() {
			before = append(before, line.Line)
		}
		if line.New() {
			after = append(after, line.Line)
		}
	}
	return before, after
}

// anchored says where a hunk may be, as git apply has it.
type anchored struct {
	begin bool // it was made at the beginning of the file, and fits nowhere else
	end   bool // no line follows it, so none may
}

func anchors(hunk *gitdiff.TextFragment) anchored {
	return anchored{begin: hunk.OldPosition <= 1, end: hunk.TrailingContext == 0}
}

// locate finds where the lines of a hunk are: the place nearest to where the patch says, but not before those that
// were used already.
func (a anchored) locate(lines, before []string, want, from int) (int, bool) {
	last := len(lines) - len(before)
	fits := func(at int) bool {
		return at >= from && at <= last && (!a.begin || at == 0) && (!a.end || at == last) &&
			slices.Equal(lines[at:at+len(before)], before)
	}
	want = max(0, min(want, len(lines))) // a patch can say anything
	for distance := 0; want-distance >= from || want+distance <= last; distance++ {
		for _, at := range []int{want + distance, want - distance} {
			if fits(at) {
				return at, true
			}
		}
	}
	return 0, false
}

// reason names the first line that differs at the place where the patch says.
func reason(lines, before []string, want int) error {
	for i, line := range before {
		at := want + i
		if at < 0 || at >= len(lines) {
			return fmt.Errorf("the file has %d lines, the patch wants line %d to be %q", len(lines), at+1,
				strings.TrimSuffix(line, "\n"))
		}
		if lines[at] != line {
			return fmt.Errorf("line %d is %q, the patch wants %q", at+1, strings.TrimSuffix(lines[at], "\n"),
				strings.TrimSuffix(line, "\n"))
		}
	}
	return errors.New("it overlaps the hunk before it, or is past the end of the file")
}
