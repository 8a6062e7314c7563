package payload

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// modeFile is the mode of the files of a release layer that oc writes.
const modeFile = 0o444

// clone returns a layer that can be edited. The data of its files are shared until they are replaced.
func (l layer) clone() layer {
	l.entries = slices.Clone(l.entries)
	return l
}

// claim finds an operator's files in the layer, which must have them exactly as they were rendered, and remembers
// whose they are. It returns why the operator's new files cannot take their place, if so.
func (l *layer) claim(operator string, before, after []File) string {
	if len(before) == 0 && len(after) > 0 {
		return fmt.Sprintf("the operator %s had no manifests before", operator)
	}
	own := map[string]bool{}
	for _, file := range before {
		have, ok := l.file(file.Name)
		if !ok || own[file.Name] || !bytes.Equal(have.Data, file.Data) {
			return fmt.Sprintf("the release's %s is not what the image of %s gives", file.Name, operator)
		}
		own[file.Name] = true
	}
	next := map[string]bool{}
	for _, file := range after {
		if _, taken := l.file(file.Name); next[file.Name] || taken && !own[file.Name] {
			return fmt.Sprintf("two files become %s", file.Name)
		}
		next[file.Name] = true
	}
	for i := range l.entries {
		if !l.entries[i].directory && own[l.entries[i].Name] {
			l.entries[i].owner = operator
		}
	}
	return ""
}

// swap puts new files of an operator in the place of those that it claimed. Where they stand together, as oc writes
// them, the new ones stand there in their order; in a layer that is sorted by name each goes where its name does.
func (l *layer) swap(operator string, files []File) {
	owned := func(e entry) bool { return e.owner == operator }
	first := slices.IndexFunc(l.entries, owned)
	if first < 0 {
		return
	}
	mode := l.entries[first].mode
	last := first
	for last < len(l.entries) && owned(l.entries[last]) {
		last++
	}
	if !slices.ContainsFunc(l.entries[last:], owned) {
		var block []entry
		for _, file := range files {
			block = append(block, newEntry(file, mode))
		}
		l.entries = slices.Replace(l.entries, first, last, block...)
		return
	}
	l.entries = slices.DeleteFunc(l.entries, owned)
	for _, file := range files {
		at := slices.IndexFunc(l.entries, func(e entry) bool { return e.isManifest() && e.Name > file.Name })
		if at < 0 {
			at = len(l.entries)
		}
		l.entries = slices.Insert(l.entries, at, newEntry(file, mode))
	}
}

// set replaces the content of a file.
func (l *layer) set(name string, data []byte) {
	for i := range l.entries {
		if !l.entries[i].directory && l.entries[i].Name == name {
			l.entries[i].Data = data
		}
	}
}

func newEntry(file File, mode int64) entry {
	return entry{File: file, mode: mode, path: releaseDirectory + "/" + file.Name}
}

// isManifest tells whether the entry is a file that came from an operator.
func (e entry) isManifest() bool {
	return !e.directory && e.Name != fileReferences && e.Name != fileMetadata
}

// newest is the newest modification time of a manifest, in whole seconds.
func (l layer) newest() time.Time {
	var newest time.Time
	for _, e := range l.entries {
		if e.isManifest() && e.ModTime.After(newest) {
			newest = e.ModTime
		}
	}
	return newest.Truncate(time.Second)
}

// stamped tells whether the directory, image-references and release-metadata have the time of the newest manifest, as
// oc gives them.
func (l layer) stamped() bool {
	newest := l.newest()
	return !slices.ContainsFunc(l.entries, func(e entry) bool { return !e.isManifest() && !e.ModTime.Equal(newest) })
}

// stamp gives the directory, image-references and release-metadata the time of the newest manifest.
func (l *layer) stamp() {
	newest := l.newest()
	for i := range l.entries {
		if !l.entries[i].isManifest() {
			l.entries[i].ModTime = newest
		}
	}
}
