package ciconfig

import (
	"slices"
	"sort"
)

// Promoted is one image that a config promotes.
type Promoted struct {
	Image    string   // pipeline tag
	To       ImageRef // where it goes
	Disabled bool     // the target is switched off, as happens around branch cuts
}

// Promotes lists what the config promotes, sorted by destination: for each target the images that are neither
// optional nor excluded, then the additional ones. Disabled targets are listed too, marked. A commit, where one is
// given, adds the tags named after it.
func (c *Config) Promotes(commit string) []Promoted {
	var list []Promoted
	for _, target := range c.Promotion.Targets {
		for name, tag := range target.images(c.Images) {
			to := ImageRef{target.Namespace, target.Name, name}
			if target.Name == "" {
				to = ImageRef{target.Namespace, name, target.Tag}
			}
			list = append(list, Promoted{tag, to, target.Disabled})
			if target.TagByCommit && commit != "" {
				list = append(list, Promoted{tag, ImageRef{target.Namespace, name, commit}, target.Disabled})
			}
		}
	}
	if c.BinaryCommands != "" && !c.Promotion.DisableBuildCache && len(c.Promotion.Targets) > 0 {
		list = append(list, Promoted{Image: "bin", To: c.buildCache()})
	}
	sort.Slice(list, func(a, b int) bool {
		if list[a].To != list[b].To {
			return list[a].To.String() < list[b].To.String()
		}
		return list[a].Image < list[b].Image
	})
	return list
}

// images returns what a target promotes, by promoted name.
func (t Target) images(images []Image) map[string]string {
	promoted := map[string]string{}
	for _, image := range images {
		if !image.Optional {
			promoted[image.To] = image.To
		}
	}
	for _, name := range t.Excluded {
		if name == "*" {
			promoted = map[string]string{}
			break
		}
		delete(promoted, name)
	}
	for name, tag := range t.Additional {
		promoted[name] = tag
	}
	return promoted
}

// buildCache is the stream tag that keeps the compiled sources of a branch.
func (c *Config) buildCache() ImageRef {
	tag := c.Metadata.Branch
	if c.Metadata.Variant != "" {
		tag += "-" + c.Metadata.Variant
	}
	return ImageRef{"build-cache", c.Metadata.Org + "-" + c.Metadata.Repo, tag}
}

// promotesTo returns the pipeline tag that is promoted to the given image. Enabled targets win over disabled ones.
func (c *Config) promotesTo(to ImageRef) (found Promoted, ok bool) {
	for _, target := range c.Promotion.Targets {
		if ok && target.Disabled {
			continue
		}
		if tag, promoted := target.promotes(to, c.Images); promoted {
			found, ok = Promoted{tag, to, target.Disabled}, true
			if !target.Disabled {
				break
			}
		}
	}
	return found, ok
}

// promotes answers for one image what images answers for all.
func (t Target) promotes(to ImageRef, images []Image) (tag string, ok bool) {
	name := to.Tag
	if t.Name == "" {
		name = to.Name
	}
	if t.Namespace != to.Namespace || t.Name != "" && t.Name != to.Name || t.Name == "" && t.Tag != to.Tag {
		return "", false
	}
	if tag, ok := t.Additional[name]; ok {
		return tag, true
	}
	if slices.Contains(t.Excluded, name) || slices.Contains(t.Excluded, "*") {
		return "", false
	}
	return name, slices.ContainsFunc(images, func(i Image) bool { return i.To == name && !i.Optional })
}
