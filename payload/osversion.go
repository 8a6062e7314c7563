package payload

import (
	"bytes"
	"maps"
	"slices"
)

// machineOS is the version that every change of the operating system image changes.
const machineOS = "machine-os"

// versionsMatter tells whether a manifest of the release may say something else because a component declares other
// versions than before. An operating system image declares another machine-os with every change; where no manifest
// has the old one, none was rendered with it.
func (a *assembler) versionsMatter(before, after string) bool {
	if before == after {
		return false
	}
	old, errOld := parseVersions(before, "")
	next, errNext := parseVersions(after, "")
	if errOld != nil || errNext != nil || !slices.Equal(slices.Sorted(maps.Keys(old)), slices.Sorted(maps.Keys(next))) {
		return true
	}
	for key := range old {
		if old[key] != next[key] && (key != machineOS || a.mentions(old[key].Version) ||
			a.mentions("0.0.1-snapshot-"+key)) {
			return true
		}
	}
	return false
}

// mentions tells whether a manifest of the old release has a text.
func (a *assembler) mentions(text string) bool {
	return slices.ContainsFunc(a.old.layer.entries,
		func(e entry) bool { return e.isManifest() && bytes.Contains(e.Data, []byte(text)) })
}
