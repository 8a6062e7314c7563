package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// printRelease writes a payload in oc's layout.
func (o *infoOptions) printRelease(w io.Writer, release *payload.Release, images map[string]*payload.ImageInfo) error {
	t := display.NewTable(display.Narrow)
	name := release.Metadata.Version
	if name == "" {
		name = release.Name
	}
	t.Row("Name:", name)
	t.Row("Digest:", release.Image.TopDigest().String())
	t.Row("Created:", release.Image.Config.Created.UTC().Format(time.RFC3339))
	t.Row("OS/Arch:", release.Platform())
	manifests, others := release.ManifestCount()
	t.Row("Manifests:", fmt.Sprint(manifests))
	if others > 0 {
		t.Row("Metadata files:", fmt.Sprint(others))
	}
	t.Section("Pull From: " + release.PullSpec)
	metadataRows(t, release.Metadata)
	info := release.Info()
	if len(info.DisplayVersions) > 0 {
		t.Section("Component Versions:")
		for _, key := range slices.Sorted(maps.Keys(info.DisplayVersions)) {
			version := info.DisplayVersions[key]
			t.Row("  "+key, version.Version, version.DisplayName)
		}
	}
	t.Section("Images:")
	if o.size {
		sizesRows(t, payload.Measure(images))
	} else {
		o.images(t, release)
	}
	if len(info.Warnings) > 0 {
		t.Section("Warnings:")
		for _, warning := range info.Warnings {
			t.Row("* " + warning)
		}
	}
	return t.Write(w)
}

// metadataRows writes the versions that can upgrade, and whatever else the release says of itself.
func metadataRows(t *display.Table, m payload.Metadata) {
	if m.Version == "" {
		return
	}
	t.Section("Release Metadata:")
	t.Row("  Version:", m.Version)
	upgrades := "<none>"
	if len(m.Previous) > 0 {
		upgrades = strings.Join(bySemver(m.Previous), ", ")
	}
	t.Row("  Upgrades:", upgrades)
	var lines [][2]string
	for _, key := range slices.Sorted(maps.Keys(m.Metadata)) {
		if text := metadataValue(m.Metadata[key]); text != "" {
			lines = append(lines, [2]string{"    " + key + ":", text})
		}
	}
	if len(lines) > 0 {
		t.Row("  Metadata:")
		for _, line := range lines {
			t.Row(line[0], line[1])
		}
	}
}

func metadataValue(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case nil:
		return ""
	case []any:
		if len(v) == 0 {
			return ""
		}
	case map[string]any:
		if len(v) == 0 {
			return ""
		}
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(data)
}

// bySemver sorts versions by their precedence.
func bySemver(versions []string) []string {
	return slices.SortedStableFunc(slices.Values(versions), func(a, b string) int {
		x, errA := semver.NewVersion(a)
		y, errB := semver.NewVersion(b)
		if errA != nil || errB != nil {
			return strings.Compare(a, b)
		}
		return x.Compare(y)
	})
}

// images writes one line for each component.
func (o *infoOptions) images(t *display.Table, release *payload.Release) {
	switch {
	case o.commitURLs:
		t.Row("  NAME", "URL")
	case o.commits:
		t.Row("  NAME", "REPO", "COMMIT")
	case o.pullSpecs:
		t.Row("  NAME", "PULL SPEC")
	default:
		t.Row("  NAME", "DIGEST")
	}
	for _, component := range release.Components() {
		switch {
		case o.commitURLs:
			t.Noted(component.ChangeNote(), "  "+component.Name, component.CommitURL())
		case o.commits:
			t.Noted(component.ChangeNote(), "  "+component.Name, component.Source, component.Commit)
		case o.pullSpecs:
			t.Row("  "+component.Name, component.Image)
		default:
			_, sum := registry.SplitDigest(component.Image)
			t.Noted(component.ChangeNote(), "  "+component.Name, sum.String())
		}
	}
}

// sizesRows writes how much each image takes. Base layers are named by letters where there are few of them.
func sizesRows(t *display.Table, s payload.Sizes) {
	const mega = 1 << 20
	heading := []string{"  NAME", "AGE", "LAYERS", "SIZE MB", "UNIQUE MB"}
	if s.Bases > 1 {
		heading = append(heading, "BASE")
	}
	t.Row(heading...)
	for _, image := range s.Images {
		cells := []string{"  " + image.Name, age(time.Since(image.Created)), fmt.Sprint(image.Layers),
			fmt.Sprintf("%.1f", float64(image.Bytes)/mega), fmt.Sprintf("%.1f", float64(image.Unique)/mega)}
		switch {
		case s.Bases > 5:
			cells = append(cells, fmt.Sprint(image.Base))
		case s.Bases > 1:
			cells = append(cells, string(rune('A'+image.Base-1)))
		}
		t.Row(cells...)
	}
	summary := fmt.Sprintf("%.1f MB across %d layers", float64(s.Bytes)/1e6, s.Layers)
	if s.Bases > 1 {
		summary += fmt.Sprintf(", %d different base images", s.Bases)
	}
	t.Section("  " + summary)
}

// age writes a duration by its largest unit, as kubectl does.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	case d < 2*365*24*time.Hour:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
	return fmt.Sprintf("%dy", int(d.Hours()/24/365))
}
