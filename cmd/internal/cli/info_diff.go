package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// compare prints what is different in two payloads.
func (o *infoOptions) compare(w io.Writer, d payload.Diff) error {
	form, template, _ := strings.Cut(o.output, "=")
	if form != "" && form != "text" {
		info, err := d.Info()
		if err != nil {
			return err
		}
		return display.Template(w, form, template, info, o.missing)
	}
	if o.contents {
		text, err := d.Unified()
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, plain.Text(text)); err != nil {
			return fmt.Errorf("writing the difference: %w", err)
		}
		return nil
	}
	if d.From.Image.TopDigest() == d.To.Image.TopDigest() {
		return display.Line(w, "Releases are identical")
	}
	t := display.NewTable(display.Narrow)
	t.Row("", "FROM", "TO")
	t.Row("Name:", d.From.Name, d.To.Name)
	created := func(r *payload.Release) string {
		at := r.Image.Config.Created.UTC()
		return at.Format(time.DateOnly) + " (" + age(time.Since(at)) + ")"
	}
	t.Row("Created:", created(d.From), created(d.To))
	if d.From.Platform() != d.To.Platform() {
		t.Row("OS/Arch:", d.From.Platform(), d.To.Platform())
	}
	t.Row("Version:", d.From.Metadata.Version, d.To.Metadata.Version)
	t.Row(fmt.Sprintf("Upgrade From: %s", map[bool]string{true: "Yes", false: "No"}[d.Upgrades()]))
	o.changed(t, d)
	if n := len(d.Manifests); n > 0 {
		t.Section(fmt.Sprintf("Files Changed: %d (--contents shows how)", n))
	}
	return t.Write(w)
}

// changed lists the components that are different, by what happened to them.
func (o *infoOptions) changed(t *display.Table, d payload.Diff) {
	groups := map[string][]payload.ImageDiff{}
	for _, name := range slices.Sorted(maps.Keys(d.Images)) {
		image := d.Images[name]
		group := "Images Changed:"
		switch {
		case image.From == nil:
			group = "Images Added:"
		case image.To == nil:
			group = "Images Removed:"
		case image.Rebuilt():
			group = "Images Rebuilt:"
		}
		groups[group] = append(groups[group], image)
	}
	for _, heading := range []string{"Images Changed:", "Images Rebuilt:", "Images Added:", "Images Removed:"} {
		if len(groups[heading]) == 0 {
			continue
		}
		t.Section(heading)
		for _, image := range groups[heading] {
			if o.commits || o.commitURLs {
				t.Noted(image.ChangeNote(), "  "+image.Name, image.CommitsURL())
				continue
			}
			cells := []string{"  " + image.Name}
			for _, side := range []*payload.Component{image.From, image.To} {
				if side != nil {
					_, sum := registry.SplitDigest(side.Image)
					cells = append(cells, sum.String())
				}
			}
			if heading == "Images Changed:" {
				cells = append(cells, shortCommit(image.From)+" → "+shortCommit(image.To))
			}
			t.Noted(image.ChangeNote(), cells...)
		}
	}
}

// shortCommit is the commit of an image, as much of it as one reads.
func shortCommit(c *payload.Component) string {
	if c.Commit == "" {
		return "?"
	}
	return c.Commit[:min(len(c.Commit), 9)]
}
