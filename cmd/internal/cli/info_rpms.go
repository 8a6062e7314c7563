package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/rpmdb"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

// rpmOptions are the flags for the RPM packages of an image.
type rpmOptions struct {
	list, diff bool
	image      string
	directory  string
}

func (o *rpmOptions) apply(flags *pflag.FlagSet) {
	flags.BoolVar(&o.list, "rpmdb", false, "list the RPM packages of the operating system image")
	flags.BoolVar(&o.diff, "rpmdb-diff", false,
		"for two payloads: the RPM packages that differ between their operating system images")
	flags.StringVar(&o.image, "rpmdb-image", "",
		"with --rpmdb or --rpmdb-diff: the `component` whose image to read (default: the one that declares machine-os)")
	flags.StringVar(&o.directory, "rpmdb-cache", "",
		"`directory` to keep the packages of images in (default: rpmdb in the cache)")
}

// component is the name of the image to look into.
func (o *rpmOptions) component(release *payload.Release) (string, error) {
	if o.image != "" {
		return o.image, nil
	}
	_, tags, _ := release.Versions()
	if name := tags["machine-os"]; name != "" {
		return name, nil
	}
	return "", fault.New(fault.Unresolved, "Pass --rpmdb-image COMPONENT.",
		fmt.Errorf("no image of %s declares the version of machine-os", release.Name))
}

// packages reads the packages of a component's image.
func (o *infoOptions) packages(ctx context.Context, client *registry.Client, release *payload.Release,
	name string) (rpmdb.Versions, error) {
	component, err := release.Component(name)
	if err != nil {
		return nil, err
	}
	directory := o.rpms.directory
	if directory == "" {
		var err error
		if directory, err = cacheDirectory(o.cacheDir); err != nil {
			return nil, err
		}
		directory = filepath.Join(directory, cache.RPMs)
	}
	image, err := client.Image(ctx, component.Image)
	if err != nil {
		return nil, fmt.Errorf("component %q: %w", name, err)
	}
	return rpmdb.Read(ctx, image, directory)
}

// listRPMs prints the packages of a payload's operating system.
func (o *infoOptions) listRPMs(ctx context.Context, w io.Writer, client *registry.Client,
	release *payload.Release) error {
	name, err := o.rpms.component(release)
	if err != nil {
		return err
	}
	packages, err := o.packages(ctx, client, release, name)
	if err != nil {
		return err
	}
	if form, template, _ := strings.Cut(o.output, "="); form != "" && form != "text" {
		return display.Template(w, form, template, packages, o.missing)
	}
	if err := display.Line(w, "Package contents:"); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		if err := display.Line(w, "  "+name+"-"+packages[name]); err != nil {
			return err
		}
	}
	return nil
}

// compareRPMs prints what is different in the operating systems of two payloads.
func (o *infoOptions) compareRPMs(ctx context.Context, w io.Writer, client *registry.Client, from,
	to *payload.Release) error {
	form, template, _ := strings.Cut(o.output, "=")
	names := make([]string, 2)
	versions := make([]rpmdb.Versions, 2)
	for i, release := range []*payload.Release{from, to} {
		var err error
		if names[i], err = o.rpms.component(release); err != nil {
			return err
		}
		if versions[i], err = o.packages(ctx, client, release, names[i]); err != nil {
			return err
		}
	}
	d := rpmdb.Compare(versions[0], versions[1])
	if form != "" && form != "text" {
		return display.Template(w, form, template, d, o.missing)
	}
	var lines []string
	section := func(title string, of []string) {
		if len(of) > 0 {
			lines = append(lines, title)
			lines = append(lines, of...)
		}
	}
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(d.Changed)) {
		changed = append(changed, fmt.Sprintf("  %s %s → %s", name, d.Changed[name].Old, d.Changed[name].New))
	}
	section("Changed:", changed)
	section("Removed:", rpmLines(d.Removed))
	section("Added:", rpmLines(d.Added))
	if len(lines) == 0 {
		lines = append(lines, fmt.Sprintf("The packages of %s are the same.", names[1]))
	}
	for _, line := range lines {
		if err := display.Line(w, line); err != nil {
			return err
		}
	}
	return nil
}

func rpmLines(versions rpmdb.Versions) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		lines = append(lines, "  "+name+" "+versions[name])
	}
	return lines
}
