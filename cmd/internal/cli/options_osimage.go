package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/osimage"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// osImageOptions say what is changed in an operating system image, which has no source to build. A value goes to the
// component that it names, COMPONENT=VALUE, or to the only operating system image among the components.
type osImageOptions struct {
	containerfiles []string
	overlays       []string
	rpms           []string
	replacements   []string
	repoFiles      []string
	extensionRPMs  []string
	tools          string
}

func (o *osImageOptions) apply(flags *pflag.FlagSet) {
	defer grouped(flags, groupOS)()
	flags.StringArrayVar(&o.containerfiles, "containerfile", nil,
		"operating system image: build it with `[COMPONENT=]FILE`, whose FROM may be payload:NAME; its directory is the build context")
	flags.StringArrayVar(&o.overlays, "overlay", nil,
		"operating system image: copy in the files of `[COMPONENT=]DIR`, laid out like its root")
	flags.StringArrayVar(&o.replacements, "replace-file", nil,
		"operating system image: `[COMPONENT=]PATH=FILE` replaces PATH, which must exist, with FILE")
	flags.StringArrayVar(&o.rpms, "rpm", nil,
		"operating system image: install `[COMPONENT=]FILE|NAME`, or offer it as an extension in machine-os-content")
	flags.StringArrayVar(&o.repoFiles, "repo-file", nil,
		"operating system image: `[COMPONENT=]FILE` with repositories for --rpm NAME, used only for the installation")
	flags.StringArrayVar(&o.extensionRPMs, "extensions-rpm", nil,
		"operating system image: add `[COMPONENT=]FILE` to the RPMs that nodes can install as extensions")
	flags.StringVar(&o.tools, "os-tools-image", osimage.DefaultTools,
		"`PULLSPEC` of an image with ostree and createrepo_c, for machine-os-content and extensions")
}

// assign gives the values to the targets.
func (o *osImageOptions) assign(targets []plan.Target) error {
	for _, setting := range []struct {
		flag   string
		values []string
		set    func(*osimage.Changes, string) error
	}{
		{"containerfile", o.containerfiles,
			func(c *osimage.Changes, v string) error { c.Containerfile = v; return nil }},
		{"overlay", o.overlays,
			func(c *osimage.Changes, v string) error { c.Overlays = append(c.Overlays, v); return nil }},
		{"rpm", o.rpms, func(c *osimage.Changes, v string) error { c.RPMs = append(c.RPMs, v); return nil }},
		{"replace-file", o.replacements, addReplacement},
		{"repo-file", o.repoFiles,
			func(c *osimage.Changes, v string) error { c.RepoFiles = append(c.RepoFiles, v); return nil }},
		{"extensions-rpm", o.extensionRPMs, func(c *osimage.Changes,
			v string) error {
			c.ExtensionRPMs = append(c.ExtensionRPMs, v)
			return nil
		}},
	} {
		for _, value := range setting.values {
			target, value, err := osTarget(targets, setting.flag, value)
			if err != nil {
				return err
			}
			if err := setting.set(&target.OS, value); err != nil {
				return err
			}
			target.OS.Tools = o.tools
		}
	}
	return nil
}

func addReplacement(changes *osimage.Changes, text string) error {
	replacement, err := osimage.ParseReplacement(text)
	if err == nil {
		changes.Replacements = append(changes.Replacements, replacement)
	}
	return err
}

// osTarget finds the target of a value: the one that it names, the only one there is, or the only operating system
// image.
func osTarget(targets []plan.Target, flag, value string) (*plan.Target, string, error) {
	name, rest, found := strings.Cut(value, "=")
	var systems []*plan.Target
	for i := range targets {
		if found && targets[i].Name == name {
			return &targets[i], rest, nil
		}
		extensions := osimage.IsExtensionsName(targets[i].Name)
		if osimage.IsName(targets[i].Name) && (!extensions || flag == "extensions-rpm") {
			systems = append(systems, &targets[i])
		}
	}
	if len(targets) == 1 {
		return &targets[0], value, nil
	}
	if len(systems) == 1 {
		return systems[0], value, nil
	}
	return nil, "", fault.New(fault.Usage, fmt.Sprintf("Write --%s COMPONENT=%s.", flag, value),
		fmt.Errorf("--%s %q does not say which of the components it is for", flag, value))
}
