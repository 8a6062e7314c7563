package payload

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pmezard/go-difflib/difflib"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Diff is what is different in two releases.
type Diff struct {
	From, To  *Release
	Images    map[string]ImageDiff // components that are not the same in both
	Manifests map[string]FileDiff  // files of the release layer that are not the same in both
}

// ImageDiff is a component in two releases; nil where a release does not have it.
type ImageDiff struct {
	Name string     `json:"name"`
	From *Component `json:"from"`
	To   *Component `json:"to"`
}

// Rebuilt tells whether the images differ although they come from the same source, as far as it is known.
func (d ImageDiff) Rebuilt() bool {
	return d.From != nil && d.To != nil && d.From.Change == d.To.Change &&
		(d.From.Commit == "" || d.To.Commit == "" || d.From.Commit == d.To.Commit)
}

// ChangeNote says that the new image is not of its commit.
func (d ImageDiff) ChangeNote() string {
	if d.To == nil {
		return ""
	}
	return d.To.ChangeNote()
}

// unknown stands for a commit that a payload does not name, as in oc.
const unknown = "<unknown>"

// CommitsURL returns where a browser shows the commits between the two images, or as much as is known. Of an image
// that is built from another repository than before it has both.
func (d ImageDiff) CommitsURL() string {
	url := func(c *Component) string { return cmp.Or(c.CommitURL(), unknown) }
	switch {
	case d.To == nil:
		return url(d.From)
	case d.From == nil || d.To.Source == "" || d.To.Commit == "":
		return url(d.To)
	case d.From.Source != d.To.Source:
		return url(d.From) + " -> " + url(d.To)
	case d.From.Commit == d.To.Commit:
		return url(d.To)
	case d.From.Commit == "":
		return unknown + " -> " + url(d.To)
	case strings.HasPrefix(d.To.Source, "https://github.com/"):
		return strings.TrimSuffix(d.To.Source, ".git") + "/compare/" + d.From.Commit + "..." + d.To.Commit
	}
	return fmt.Sprintf("%s %s %s", d.To.Source, d.From.Commit, d.To.Commit)
}

// FileDiff is a file in two releases; nil where a release does not have it.
type FileDiff struct {
	Filename string `json:"filename"`
	From     []byte `json:"from"`
	To       []byte `json:"to"`
}

// Compare finds what is different in two releases: components by their pull specs' digests, files by their bytes.
func Compare(from, to *Release) Diff {
	d := Diff{From: from, To: to, Images: map[string]ImageDiff{}, Manifests: map[string]FileDiff{}}
	before, after := byName(from), byName(to)
	for name, component := range before {
		other, ok := after[name]
		switch {
		case !ok:
			d.Images[name] = ImageDiff{Name: name, From: &component}
		case !sameDigest(component.Image, other.Image):
			d.Images[name] = ImageDiff{Name: name, From: &component, To: &other}
		}
	}
	for name, component := range after {
		if _, ok := before[name]; !ok {
			d.Images[name] = ImageDiff{Name: name, To: &component}
		}
	}
	old, next := from.layer.byName(), to.layer.byName()
	for name, file := range old {
		if other, ok := next[name]; !ok || !bytes.Equal(file.Data, other.Data) {
			d.Manifests[name] = FileDiff{Filename: name, From: file.Data, To: other.Data}
		}
	}
	for name, file := range next {
		if _, ok := old[name]; !ok {
			d.Manifests[name] = FileDiff{Filename: name, To: file.Data}
		}
	}
	return d
}

// Upgrades tells whether the second release says that the first one can be upgraded to it.
func (d Diff) Upgrades() bool {
	return slices.Contains(d.To.Metadata.Previous, d.From.Metadata.Version)
}

// DiffInfo is the difference of two releases as oc adm release info -o json prints it, with the same names.
type DiffInfo struct {
	From             Info                     `json:"from"`
	To               Info                     `json:"to"`
	ChangedImages    map[string]ImageDiffInfo `json:"changedImages"`
	ChangedManifests map[string]FileDiff      `json:"changedManifests"`
}

// ImageDiffInfo is a component in two releases: the tag of the image stream, and what Component says besides; nil
// where a release does not have it.
type ImageDiffInfo struct {
	Name string         `json:"name"`
	From map[string]any `json:"from"`
	To   map[string]any `json:"to"`
}

// Info describes the difference.
func (d Diff) Info() (DiffInfo, error) {
	info := DiffInfo{From: d.From.Info(), To: d.To.Info(), ChangedImages: map[string]ImageDiffInfo{},
		ChangedManifests: d.Manifests}
	for name, image := range d.Images {
		from, err := d.From.describeTag(name, image.From)
		if err != nil {
			return DiffInfo{}, err
		}
		to, err := d.To.describeTag(name, image.To)
		if err != nil {
			return DiffInfo{}, err
		}
		info.ChangedImages[name] = ImageDiffInfo{name, from, to}
	}
	return info, nil
}

// describeTag returns the fields of a component and of its tag, whose own win.
func (r *Release) describeTag(name string, component *Component) (map[string]any, error) {
	if component == nil {
		return nil, nil
	}
	fields := map[string]any{}
	for _, value := range []any{component, tagOf(r.References, name)} {
		data, err := json.Marshal(value)
		if err == nil {
			err = json.Unmarshal(data, &fields)
		}
		if err != nil {
			return nil, fmt.Errorf("describing the component %q: %w", name, err)
		}
	}
	return fields, nil
}

// Unified writes the difference of the files as a unified diff, in the order of their names.
func (d Diff) Unified() (string, error) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(d.Manifests)) {
		file := d.Manifests[name]
		from, to := "a/"+name, "b/"+name
		if file.From == nil {
			from = "/dev/null"
		}
		if file.To == nil {
			to = "/dev/null"
		}
		err := difflib.WriteUnifiedDiff(&text, difflib.UnifiedDiff{A: lines(file.From), B: lines(file.To),
			FromFile: from, ToFile: to,
			Context: 3})
		if err != nil {
			return "", fmt.Errorf("comparing %s: %w", name, err)
		}
	}
	return text.String(), nil
}

// lines splits a file after each newline. A last line without one is marked as diff marks it.
func lines(data []byte) []string {
	if len(data) == 0 {
		return nil
	}
	all := strings.SplitAfter(string(data), "\n")
	if last := len(all) - 1; all[last] == "" {
		all = all[:last]
	} else {
		all[last] += "\n\\ No newline at end of file\n"
	}
	return all
}

func byName(r *Release) map[string]Component {
	all := map[string]Component{}
	for _, component := range r.Components() {
		all[component.Name] = component
	}
	return all
}

func (l layer) byName() map[string]File {
	all := map[string]File{}
	for _, e := range l.entries {
		if !e.directory {
			all[e.Name] = e.File
		}
	}
	return all
}

// sameDigest tells whether two pull specs name the same image, wherever it is.
func sameDigest(a, b string) bool {
	_, one := registry.SplitDigest(a)
	_, other := registry.SplitDigest(b)
	return one == other
}
