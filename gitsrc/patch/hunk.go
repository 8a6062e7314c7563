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
			return nil, errors.New("is binary, and the patch has not its content: make it with git diff --binary")
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
		at, ok := locate(lines, before, want+moved, next)
		if !ok {
			return nil, &Error{Hunk: i + 1, Range: rangeOf(hunk), Err: reason(lines, before, want+moved)}
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

// locate finds where the lines of a hunk are: the place nearest to where the patch says, but not before those that were used already.
func locate(lines, before []string, want, from int) (int, bool) {
	last := len(lines) - len(before)
	if len(before) == 0 {
		return want, want >= from && want <= len(lines)
	}
	want = max(0, min(want, len(lines))) // a patch can say anything
	for distance := 0; want-distance >= from || want+distance <= last; distance++ {
		for _, at := range []int{want - distance, want + distance} {
			if at >= from && at <= last && slices.Equal(lines[at:at+len(before)], before) {
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
			return fmt.Errorf("the file has %d lines, the patch wants line %d to be %q", len(lines), at+1, strings.TrimSuffix(line, "\n"))
		}
		if lines[at] != line {
			return fmt.Errorf("line %d is %q, the patch wants %q", at+1, strings.TrimSuffix(lines[at], "\n"), strings.TrimSuffix(line, "\n"))
		}
	}
	return errors.New("it overlaps the hunk before it, or is past the end of the file")
}
