package payload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Differences says how an assembly without changes differs from the payload that it was made of: whoever has its
// components can make that payload again only where nothing does. Manifests with the same parts are equal, since the
// order of their fields has changed between versions of oc.
func (a *Assembly) Differences(r *Release) ([]string, error) {
	_, images, err := a.build()
	if err != nil {
		return nil, err
	}
	var made schema2
	if err := json.Unmarshal(images[0].manifest, &made); err != nil {
		return nil, fmt.Errorf("reading the new manifest: %w", err)
	}
	var have schema2
	if err := json.Unmarshal(r.Image.Manifest, &have); err != nil {
		return nil, fmt.Errorf("reading the manifest of %s: %w", r.PullSpec, err)
	}
	if parts(made) == parts(have) {
		return nil, nil
	}
	old, next := map[string]File{}, map[string]File{}
	for _, entry := range r.layer.entries {
		if !entry.directory {
			old[entry.Name] = entry.File
		}
	}
	for _, file := range a.Files() {
		next[file.Name] = file
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(old)) {
		switch file, ok := next[name]; {
		case !ok:
			list = append(list, name+" is in the payload, and no component brings it")
		case !bytes.Equal(file.Data, old[name].Data):
			list = append(list, name+" has other content than its component says")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(next)) {
		if _, ok := old[name]; !ok {
			list = append(list, name+" is brought by a component, and the payload lacks it")
		}
	}
	if list == nil && made.Config.Digest != have.Config.Digest {
		list = append(list, "the config of the image: the files are the same")
	}
	if list == nil {
		list = append(list, "the layers of the image: the files are the same")
	}
	return list, nil
}

// parts are the digests that a manifest names.
func parts(m schema2) string {
	text := m.Config.Digest.String()
	for _, layer := range m.Layers {
		text += " " + layer.Digest.String()
	}
	return text
}
