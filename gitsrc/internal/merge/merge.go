// Package merge merges the trees of commits three ways, as `git merge` does. Lines are compared by a library; what is
// here is the part of it that knows trees. Renames are not followed: where git would follow one, the merge ends with
// a conflict. Only what one side renames and the other one removes is not noticed in every case: see maxPairs.
package merge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/epiclabs-io/diff3"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/checkout"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// ConflictError names the files that two sides changed in ways that do not go together.
type ConflictError struct{ Paths []string }

func (e *ConflictError) Error() string { return "conflict in " + strings.Join(e.Paths, ", ") }

const (
	maxConflicts = 20     // that are named
	maxLines     = 30_000 // of a file that both sides changed: what comparing takes grows with their square
	maxDepth     = 200    // of directories
	binaryHead   = 8000   // bytes in which git looks for a NUL
	// maxPairs is how many pairs of a removed and an added file are compared, and maxTexts how many bytes of removed ones.
	// Where there are more, only a file that was renamed and not changed is noticed.
	maxPairs    = 10_000
	maxTexts    = 16 << 20
	maxCompared = 256 << 10 // bytes of each of them
)

// Merger merges trees and keeps what comes of it until Pack writes it.
type Merger struct {
	objects *pack.Database
	made    *memory.Storage
}

// New merges what a database has.
func New(objects *pack.Database) *Merger { return &Merger{objects, memory.NewStorage()} }

// Add keeps an object.
func (m *Merger) Add(kind pack.Type, data []byte) (pack.ID, error) {
	o := m.made.NewEncodedObject()
	o.SetType(plumbing.ObjectType(kind)) // both are git's own numbers
	w, err := o.Writer()
	if err == nil {
		_, err = w.Write(data)
	}
	if err != nil {
		return pack.ID{}, err
	}
	id, err := m.made.SetEncodedObject(o)
	return pack.ID(id), err
}

// Pack writes what was made, as git sends it.
func (m *Merger) Pack(w io.Writer) error {
	_, err := packfile.NewEncoder(w, m.made, false).Encode(slices.Collect(maps.Keys(m.made.Objects)), 0)
	return err
}

func (m *Merger) read(id pack.ID, kind pack.Type) ([]byte, error) {
	o, err := m.made.EncodedObject(plumbing.ObjectType(kind), plumbing.Hash(id))
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return m.objects.Read(id, kind)
	}
	if err != nil {
		return nil, err
	}
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// Trees returns the tree that has what ours and theirs changed of base. Where that is not possible the error is a
// *ConflictError.
func (m *Merger) Trees(ctx context.Context, base, ours, theirs pack.ID) (pack.ID, error) {
	t := treeMerge{Merger: m, ctx: ctx}
	root := func(id pack.ID) checkout.Entry { return checkout.Entry{Mode: checkout.Directory, ID: id} }
	merged, err := t.entry("", sides{root(base), root(ours), root(theirs)})
	if err != nil {
		return pack.ID{}, err
	}
	if len(t.conflicts) == 0 {
		if err := t.findRenames(); err != nil {
			return pack.ID{}, err
		}
	}
	if len(t.conflicts) > 0 {
		slices.Sort(t.conflicts)
		return pack.ID{}, &ConflictError{slices.Compact(t.conflicts)}
	}
	if merged.Mode == 0 { // nothing is left
		return m.Add(pack.Tree, nil)
	}
	return merged.ID, nil
}

// sides are what one name stands for in three trees. The zero Entry is nothing.
type sides struct{ base, ours, theirs checkout.Entry }

// treeMerge is one call of Trees.
type treeMerge struct {
	*Merger
	ctx       context.Context
	conflicts []string

	// What both sides removed, and what only one of them changed: git follows a file that one of them renamed.
	gone, changed []change
}

// change is what a path had in one tree, and has in another.
type change struct {
	path     string
	old, new checkout.Entry
}

func (t *treeMerge) conflict(path string) (checkout.Entry, error) {
	if len(t.conflicts) < maxConflicts {
		t.conflicts = append(t.conflicts, path)
	}
	return checkout.Entry{}, nil
}

// entry merges what is at a path.
func (t *treeMerge) entry(path string, s sides) (checkout.Entry, error) {
	switch {
	case same(s.base, s.ours) && same(s.base, s.theirs):
		return s.ours, nil
	case same(s.ours, s.theirs):
		t.gone = append(t.gone, change{path, s.ours, s.base})
		return s.ours, nil
	case same(s.base, s.theirs):
		t.changed = append(t.changed, change{path, s.base, s.ours})
		return s.ours, nil
	case same(s.base, s.ours):
		t.changed = append(t.changed, change{path, s.base, s.theirs})
		return s.theirs, nil
	}
	isDirectory := func(e checkout.Entry) bool { return e.Mode == checkout.Directory }
	isNothing := func(e checkout.Entry) bool { return e.Mode == 0 }
	switch {
	case isDirectory(s.ours) && isDirectory(s.theirs):
		return t.directory(path, s)
	case isDirectory(s.base) && (isDirectory(s.ours) && isNothing(s.theirs) ||
		isNothing(s.ours) && isDirectory(s.theirs)):
		return t.directory(path, s)
	case isFile(s.base) && isFile(s.ours) && isFile(s.theirs):
		return t.file(path, s)
	}
	return t.conflict(path)
}

// same compares content and kind. The names are the same.
func same(a, b checkout.Entry) bool { return a.Mode == b.Mode && a.ID == b.ID }

func isFile(e checkout.Entry) bool {
	return e.Mode == checkout.File || e.Mode == checkout.GroupWritable || e.Mode == checkout.Executable
}

// findRenames adds a conflict for each file that one side removed and the other one may have renamed.
func (t *treeMerge) findRenames() error {
	gone, err := t.additions(t.gone)
	if err != nil || len(gone) == 0 {
		return err
	}
	added, err := t.additions(t.changed)
	if err != nil || len(added) == 0 {
		return err
	}
	same := map[pack.ID]bool{}
	for _, file := range added {
		same[file.new.ID] = true
	}
	texts, size := map[pack.ID]chunks{}, 0 // of those that are compared
	for _, old := range gone {
		_, known := texts[old.new.ID]
		switch {
		case old.new.ID == emptyFile || known:
		case same[old.new.ID]:
			_, _ = t.conflict(old.path)
		case len(gone)*len(added) <= maxPairs && size < maxTexts:
			text, err := t.chunks(old.new.ID)
			if err != nil {
				return err
			}
			texts[old.new.ID], size = text, size+text.size
		}
	}
	if len(texts) == 0 {
		return nil
	}
	for _, file := range added {
		text, err := t.chunks(file.new.ID)
		if err != nil {
			return err
		}
		for _, old := range gone {
			if t.ctx.Err() != nil {
				return context.Cause(t.ctx)
			}
			if texts[old.new.ID].similar(text) {
				_, _ = t.conflict(old.path)
				delete(texts, old.new.ID)
			}
		}
	}
	return nil
}

// emptyFile is the ID of a file without content, which git does not follow.
var emptyFile = pack.ID(plumbing.ComputeHash(plumbing.BlobObject, nil))

// chunks are the pieces of a file, with how many bytes of it are such a piece: lines, of 64 bytes at most, as git
// compares them.
type chunks struct {
	bytes map[uint64]int
	size  int
}

func (t *treeMerge) chunks(id pack.ID) (chunks, error) {
	if t.ctx.Err() != nil {
		return chunks{}, context.Cause(t.ctx)
	}
	data, err := t.read(id, pack.Blob)
	if err != nil {
		return chunks{}, err
	}
	data = data[:min(len(data), maxCompared)]
	c := chunks{bytes: map[uint64]int{}}
	for line := range bytes.Lines(data) {
		for piece := range slices.Chunk(bytes.TrimRight(line, "\r\n"), 64) {
			sum := fnv.New64a()
			sum.Write(piece)
			c.bytes[sum.Sum64()] += len(piece)
			c.size += len(piece)
		}
	}
	return c, nil
}

// similar reports whether two fifths of the larger text are in both. For git it takes half of it.
func (c chunks) similar(other chunks) bool {
	both := 0
	for piece, size := range c.bytes {
		both += min(size, other.bytes[piece])
	}
	return both > 0 && both*5 >= max(c.size, other.size)*2
}

// additions lists the files that were added, one by one where what changed are directories.
func (t *treeMerge) additions(changes []change) (files []change, err error) {
	for len(changes) > 0 {
		one := changes[len(changes)-1]
		changes = changes[:len(changes)-1]
		if isFile(one.new) && one.old.Mode == 0 {
			files = append(files, one)
		}
		if one.new.Mode != checkout.Directory {
			continue
		}
		byName, err := t.names(one.path, one.old, one.new)
		if err != nil {
			return nil, err
		}
		for name, both := range byName {
			if !same(both[0], both[1]) {
				changes = append(changes, change{one.path + "/" + name, both[0], both[1]})
			}
		}
	}
	return files, nil
}

// names reads what is at a path in several trees and returns what each has of every name in it. What is no directory has
// nothing in it.
func (t *treeMerge) names(path string, directories ...checkout.Entry) (map[string][]checkout.Entry, error) {
	if t.ctx.Err() != nil {
		return nil, context.Cause(t.ctx)
	}
	if strings.Count(path, "/") > maxDepth {
		return nil, pack.OverLimit("directories more than %d deep", maxDepth)
	}
	byName := map[string][]checkout.Entry{}
	for side, e := range directories {
		if e.Mode != checkout.Directory {
			continue
		}
		data, err := t.read(e.ID, pack.Tree)
		if err != nil {
			return nil, err
		}
		entries, err := checkout.ParseTree(data)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if byName[entry.Name] == nil {
				byName[entry.Name] = make([]checkout.Entry, len(directories))
			}
			byName[entry.Name][side] = entry
		}
	}
	return byName, nil
}

// directory merges directories, of which those that are none have nothing in them.
func (t *treeMerge) directory(path string, s sides) (checkout.Entry, error) {
	byName, err := t.names(path, s.base, s.ours, s.theirs)
	if err != nil {
		return checkout.Entry{}, err
	}
	// A directory that one side removed may have been renamed, and git puts what the other added into its new place.
	isGone := s.base.Mode == checkout.Directory && (s.ours.Mode == 0 || s.theirs.Mode == 0)
	var merged object.Tree
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		each, at := byName[name], strings.TrimPrefix(path+"/"+name, "/")
		all := sides{each[0], each[1], each[2]}
		if isGone && all.base.Mode == 0 {
			if _, err := t.conflict(at); err != nil {
				return checkout.Entry{}, err
			}
			continue
		}
		entry, err := t.entry(at, all)
		if err != nil {
			return checkout.Entry{}, fmt.Errorf("merging %q: %w", at, err)
		}
		if entry.Mode != 0 {
			merged.Entries = append(merged.Entries, object.TreeEntry{Name: name, Mode: filemode.FileMode(entry.Mode),
				Hash: plumbing.Hash(entry.ID)})
		}
	}
	if len(merged.Entries) == 0 { // git keeps no empty directories
		return checkout.Entry{}, nil
	}
	sort.Sort(object.TreeEntrySorter(merged.Entries))
	o := t.made.NewEncodedObject()
	if err := merged.Encode(o); err != nil {
		return checkout.Entry{}, err
	}
	id, err := t.made.SetEncodedObject(o)
	return checkout.Entry{Mode: checkout.Directory, ID: pack.ID(id)}, err
}

// file merges the lines of a file that both sides changed.
func (t *treeMerge) file(path string, s sides) (checkout.Entry, error) {
	merged := checkout.Entry{Mode: s.ours.Mode}
	if s.ours.Mode == s.base.Mode {
		merged.Mode = s.theirs.Mode
	}
	var texts [3][]string
	for i, e := range []checkout.Entry{s.base, s.ours, s.theirs} {
		data, err := t.read(e.ID, pack.Blob)
		if err != nil {
			return checkout.Entry{}, err
		}
		texts[i] = strings.SplitAfter(string(data), "\n")
		if bytes.IndexByte(data[:min(len(data), binaryHead)], 0) >= 0 || len(texts[i]) > maxLines {
			return t.conflict(path)
		}
	}
	text, ok := mergeLines(texts)
	for _, lines := range texts {
		slices.Reverse(lines)
	}
	reversed, reversedOK := mergeLines(texts)
	slices.Reverse(reversed)
	if !ok || !reversedOK || !slices.Equal(text, reversed) {
		return t.conflict(path)
	}
	var err error
	merged.ID, err = t.Add(pack.Blob, []byte(strings.Join(text, "")))
	return merged, err
}

// mergeLines merges the lines of base, ours and theirs. Among lines that are alike it is a matter of taste which of
// them is the new one, and git's taste depends on the indentation: only what comes out from the end of a file as it
// does from its beginning is certain.
func mergeLines(texts [3][]string) (lines []string, ok bool) {
	for _, part := range diff3.Diff3MergeWithOptions(texts[1], texts[0], texts[2],
		diff3.MergeOptions{Algorithm: diff3.DiffAlgorithmMyers, ExcludeFalseConflicts: true}) {
		if part.Conflict != nil {
			return nil, false
		}
		lines = append(lines, part.Ok...)
	}
	return lines, true
}
