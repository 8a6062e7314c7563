package rpmdb

// Change is a package whose version is another.
type Change struct {
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// Diff is what is different in the packages of two images, by name; the fields are oc's.
type Diff struct {
	Changed map[string]Change `json:"changed,omitempty"`
	Added   Versions          `json:"added,omitempty"`
	Removed Versions          `json:"removed,omitempty"`
}

// Compare tells what changed from one image to another.
func Compare(from, to Versions) Diff {
	d := Diff{Changed: map[string]Change{}, Added: Versions{}, Removed: Versions{}}
	for name, version := range to {
		if before, ok := from[name]; !ok {
			d.Added[name] = version
		} else if before != version {
			d.Changed[name] = Change{Old: before, New: version}
		}
	}
	for name, version := range from {
		if _, ok := to[name]; !ok {
			d.Removed[name] = version
		}
	}
	return d
}
