package ciconfig

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// validate applies those of CI's rules without which a recipe would be a guess.
func (c *Config) validate(d *decoder, root *yaml.Node) error {
	made := map[string]bool{}
	for _, image := range c.Images {
		if err := image.check(d); err != nil {
			return err
		}
		if made[image.To] {
			return d.at(&yaml.Node{Line: image.line}, "images", "two images are called %q", image.To)
		}
		made[image.To] = true
	}
	for _, step := range c.RawSteps {
		if step.Kind != StepOutput && strings.ContainsFunc(step.To, notInName) {
			return d.at(root, "raw_steps", "%q is not the name of a tag", step.To)
		}
		if step.Image != nil {
			if err := step.Image.check(d); err != nil {
				return err
			}
		}
	}
	for alias := range c.BaseImages {
		if alias == "root" || isReserved(alias) {
			return d.at(root, "base_images", "the name %q is reserved", alias)
		}
	}
	if err := c.checkTargets(d, root); err != nil {
		return err
	}
	return c.BuildRoot.check(d, root)
}

// isReserved reports the pipeline tags that only operator bundles may have.
func isReserved(tag string) bool {
	return tag == "src-bundle" || strings.HasPrefix(tag, "ci-bundle") || strings.HasPrefix(tag, "ci-index")
}

// check applies the rules for one image.
func (i Image) check(d *decoder) error {
	at := &yaml.Node{Line: i.line}
	switch {
	case i.To == "":
		return d.at(at, "images", "an image without a name: to is missing")
	case strings.ContainsFunc(i.To, notInName):
		return d.at(at, "images", "%q is not the name of a tag", i.To)
	case i.Literal != "" && (i.Dockerfile != "" || i.ContextDir != ""):
		return d.at(at, "images", "%s: dockerfile_literal excludes dockerfile_path and context_dir", i.To)
	}
	return nil
}

// check applies the rules for the build root, which may be missing.
func (r *BuildRoot) check(d *decoder, root *yaml.Node) error {
	if r == nil {
		return nil
	}
	forms := 0
	for _, set := range []bool{r.ImageStreamTag != ImageRef{}, r.ProjectImage != nil, r.FromRepository} {
		if set {
			forms++
		}
	}
	if forms > 1 {
		return d.at(root, "build_root", "states more than one of image_stream_tag, project_image and from_repository")
	}
	return nil
}

// checkTargets applies the rules for promotion.
func (c *Config) checkTargets(d *decoder, root *yaml.Node) error {
	seen := map[ImageRef]bool{}
	for _, target := range c.Promotion.Targets {
		key := ImageRef{target.Namespace, target.Name, target.Tag}
		switch {
		case target.Namespace == "":
			return d.at(root, "promotion", "a target without a namespace")
		case (target.Name == "") == (target.Tag == ""):
			return d.at(root, "promotion", "a target must have either a name or a tag")
		case seen[key] && !target.Disabled:
			return d.at(root, "promotion", "two targets are the same: %q", target.Namespace+"/"+target.Name+target.Tag)
		}
		seen[key] = true
	}
	return nil
}
