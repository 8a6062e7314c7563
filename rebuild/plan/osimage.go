package plan

import (
	"context"
	"fmt"
	"maps"
	"os"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/osimage"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// osUnit is what a unit has besides where it changes an operating system image instead of building source. Its recipe
// is a generated Dockerfile; from there on it is a unit like any other.
type osUnit struct {
	osimage.Recipe
	base osimage.Base
}

// osTargets gives the RPMs for extensions to the component that holds them: a bootable image has an image of its own
// for these.
func osTargets(targets []Target, release *payload.Release) ([]Target, error) {
	var all []Target
	for _, target := range targets {
		image, extensions := target.OS.Split()
		name := osimage.ExtensionsName(target.Name)
		if extensions.IsZero() || name == target.Name {
			all = append(all, target)
			continue
		}
		if _, err := release.Component(name); err != nil {
			return nil, fmt.Errorf("--extensions-rpm for %q: %w", target.Name, err)
		}
		if target.OS = image; !image.IsZero() || target.Source != "" || target.Image != "" {
			all = append(all, target)
		}
		all = append(all, Target{Name: name, OS: extensions})
	}
	return all, nil
}

// validateOS refuses a change of an operating system image together with what is for images that are built from
// source. RPMs for extensions may have an image of their own, see osTargets.
func (t Target) validateOS() error {
	changes := t.OS
	if osimage.ExtensionsName(t.Name) != t.Name {
		changes, _ = changes.Split()
	}
	if changes.IsZero() {
		return nil
	}
	if t.Source != "" {
		return fault.New(fault.Usage, "Leave the source away, or make the changes there.",
			fmt.Errorf("%s changes the payload's own image: it cannot be used with a source", changes))
	}
	if t.Config != "" || t.Item != "" || t.Variant != "" || t.Dockerfile != "" || t.ContextDir != "" ||
		len(t.Patches) > 0 {
		return fault.New(fault.Usage, "Leave one or the other away.", fmt.Errorf(
			"%s changes the payload's own image: flags about a config, a Dockerfile or source cannot be used with it",
			changes))
	}
	return nil
}

// settleOS makes the recipe of a unit that changes an operating system image.
func (p *planner) settleOS(ctx context.Context, u *unit) error {
	defer p.Report.Start(u.target.Name, progress.Resolve)()
	image, err := p.Registry.Image(ctx, u.component.Image)
	if err != nil {
		return err
	}
	base := osimage.Base{Name: u.target.Name, Labels: image.Config.Config.Labels, Digest: image.Digest.String()}
	recipe, err := p.Sources.OSImage(base, u.target.OS)
	if err != nil {
		return err
	}
	u.os = &osUnit{Recipe: recipe, base: base}
	u.tree = gitsrc.Tree{Kind: SourceOSImage, Directory: recipe.Context, Time: image.Config.Created}
	return u.resolveOS()
}

// resolveOS reads the Dockerfile of an operating system image as that of a config that knows nothing but this image.
func (u *unit) resolveOS() error {
	name, origin := "the generated Dockerfile", "flags"
	if u.os.File != "" {
		name, origin = u.os.File, "--containerfile"
	}
	config := &ciconfig.Config{Name: name, Images: []ciconfig.Image{{To: u.target.Name, Literal: string(u.os.Text)}}}
	u.match = ciconfig.Match{Origin: origin, Config: config, Image: u.target.Name, Reason: u.os.Summary}
	if err := u.readRecipe(os.DirFS(u.tree.Directory)); err != nil {
		return err
	}
	u.recipe.Dockerfile = name
	if u.os.File == "" {
		return nil
	}
	for _, b := range u.bases {
		if b.Final && b.Pullspec == PayloadScheme+u.target.Name {
			return u.labelOwnBuild()
		}
	}
	u.os.Notes = append(u.os.Notes,
		fmt.Sprintf("%s does not build on %s%s: the version of the image is what that build makes it", u.os.File,
			PayloadScheme, u.target.Name))
	return nil
}

// labelOwnBuild gives the result of a Containerfile that builds on the payload's image the labels of a modified one.
func (u *unit) labelOwnBuild() error {
	sum, err := osimage.Digest(os.DirFS(u.os.Context), u.os.base.Digest)
	if err != nil {
		return err
	}
	u.os.Labels = osimage.Labels(u.os.base.Labels, sum)
	return nil
}

// osLabels are the labels of the plan: those that differ from the base's.
func (u *unit) osLabels() map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, u.os.Labels)
	return labels
}
