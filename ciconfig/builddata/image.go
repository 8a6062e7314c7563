package builddata

import (
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"

	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Image is how a release's image is built, according to the build data.
type Image struct {
	Path       string   // file in the build data
	Origin     string   // what the build data were opened as
	Dockerfile string   // relative to ContextDir
	ContextDir string   // directory of the repository; "." for its root
	Repository string   // https URL, public
	Branch     string   // such as release-4.12
	Parents    []Parent // in the order of the Dockerfile's FROM lines
}

// Parent is the image that takes the place of one FROM line.
type Parent struct {
	Kind  string            // stream, member or image: where it is defined
	Name  string            // name there
	Image ciconfig.ImageRef // the image of CI that corresponds to it; zero if there is none
	Pull  string            // pull spec, where there is no image of CI
}

// Component returns how the image is built that a payload has under a name. None, and several, is an error of class
// Unresolved.
func (d *Data) Component(tag string) (Image, error) {
	c, err := d.shared()
	if err != nil {
		return Image{}, err
	}
	var found []string
	for name, one := range c.images {
		if one.payloadName() == tag {
			found = append(found, name)
		}
	}
	sort.Strings(found)
	if len(found) > 1 { // a name may be shared with images that are not for the payload
		var payload []string
		for _, name := range found {
			if c.images[name].ForPayload {
				payload = append(payload, name)
			}
		}
		if len(payload) == 1 {
			found = payload
		}
	}
	switch len(found) {
	case 0:
		return Image{}, fault.Errorf(fault.Unresolved, "%s: no image is called %q in a payload", d.origin, tag)
	case 1:
		return d.image(c, found[0])
	}
	return Image{}, fault.Errorf(fault.Unresolved, "%s: several images are called %q: %s", d.origin, tag,
		strings.Join(found, ", "))
}

// image puts together what a file says.
func (d *Data) image(c *context, name string) (Image, error) {
	one := c.images[name]
	source := one.Content.Source
	image := Image{Path: name, Origin: d.origin, Dockerfile: source.Dockerfile,
		ContextDir: path.Clean("./" + source.Path),
		Branch:     c.expand(source.Git.Branch.Target), Repository: public(source.Git.Web, source.Git.URL)}
	if image.Dockerfile == "" {
		image.Dockerfile = "Dockerfile"
	}
	if !branchName.MatchString(image.Branch) {
		image.Branch = ""
	}
	if !fs.ValidPath(image.ContextDir) || !fs.ValidPath(path.Join(image.ContextDir, image.Dockerfile)) ||
		path.IsAbs(image.Dockerfile) {
		return Image{}, fault.Errorf(fault.Unresolved, "%s: %s: %q is not inside the repository", d.origin, name,
			path.Join(source.Path, image.Dockerfile))
	}
	for _, builder := range one.From.Builder {
		image.Parents = append(image.Parents, c.parent(builder))
	}
	if one.From.parent != (parent{}) {
		image.Parents = append(image.Parents, c.parent(one.From.parent))
	}
	return image, nil
}

// branchName is what a branch may be called here.
var branchName = regexp.Delayed(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)

// parent finds the image of CI that corresponds to a parent.
func (c *context) parent(p parent) Parent {
	switch {
	case p.Stream != "":
		result := Parent{Kind: "stream", Name: p.Stream}
		upstream := c.expand(c.stream(p.Stream).Upstream)
		ref, ok := ciconfig.FromPullspec(upstream)
		if result.Image = ref; !ok && dockerfile.Valid(upstream) {
			result.Pull = upstream
		}
		return result
	case p.Member != "":
		result := Parent{Kind: "member", Name: p.Member}
		for _, extension := range []string{".yml", ".yaml"} {
			if one, ok := c.images[path.Join("images", p.Member+extension)]; ok && c.version != "" {
				result.Image, _ = ciconfig.ParseImageRef("ocp/" + c.version + ":" + one.payloadName())
			}
		}
		return result
	}
	pull := c.expand(p.Image)
	ref, ok := ciconfig.FromPullspec(pull)
	if ok || !dockerfile.Valid(pull) {
		pull = ""
	}
	return Parent{Kind: "image", Name: p.Image, Image: ref, Pull: pull}
}

// stream returns a stream by name or alias.
func (c *context) stream(name string) stream {
	if one, ok := c.streams[name]; ok {
		return one
	}
	for _, one := range c.streams {
		for _, alias := range one.Aliases {
			if alias == name {
				return one
			}
		}
	}
	return stream{}
}

// gitURL takes the URL of a repository on GitHub apart.
var gitURL = regexp.Delayed(`^(?:https://github\.com/|git@github\.com:)([A-Za-z0-9._-]+)/([A-Za-z0-9._-]+?)(?:\.git)?$`)

// public returns the public URL of a repository: builds use private twins.
func public(urls ...string) string {
	for _, one := range urls {
		if match := gitURL.FindStringSubmatch(one); match != nil {
			return "https://github.com/" + strings.TrimSuffix(match[1], "-priv") + "/" + match[2]
		}
	}
	return ""
}

// String says what a parent is.
func (p Parent) String() string {
	if !p.Image.IsZero() {
		return p.Image.String()
	}
	if p.Pull != "" {
		return p.Pull
	}
	return fmt.Sprintf("%s %q", p.Kind, p.Name)
}

// Apply returns the recipe with Dockerfile and context directory from the build data. Its bases are still the
// config's: see Settle.
func (i Image) Apply(r ciconfig.Recipe) ciconfig.Recipe {
	r.Origin, r.Config = i.Origin, i.Path
	r.ContextDir, r.Dockerfile, r.Literal = i.ContextDir, i.Dockerfile, ""
	return r
}

// Settle returns the bases of a Dockerfile with the parents in place of its FROM lines, in their order. A Dockerfile
// that pulls more or fewer images than there are parents is an error of class Unresolved.
func (i Image) Settle(bases []ciconfig.Base) ([]ciconfig.Base, error) {
	settled := append([]ciconfig.Base(nil), bases...)
	next := 0
	for k := range settled {
		base := &settled[k]
		if base.Kind != dockerfile.From {
			continue
		}
		if next < len(i.Parents) {
			p := i.Parents[next]
			if p.Image.IsZero() && p.Pull == "" {
				return nil, fault.New(fault.Unresolved, "--base-image says what to use",
					fmt.Errorf("%s: %s: no image of CI corresponds to the %s %q, for %q in line %d", i.Origin,
						i.Path, p.Kind, p.Name,
						base.Reference, base.Line))
			}
			base.Alias, base.Sibling, base.Image, base.Pullspec = "", "", p.Image, p.Pull
			base.Reason = fmt.Sprintf("build data: %s %q", p.Kind, p.Name)
		}
		next++
	}
	if next != len(i.Parents) {
		return nil, fault.Errorf(fault.Unresolved, "%s: %s: %d parents for a Dockerfile with %d bases", i.Origin,
			i.Path, len(i.Parents), next)
	}
	return settled, nil
}

// Differences says in words where the build data and a recipe disagree: which Dockerfile, which repository, which
// bases.
func (i Image) Differences(r ciconfig.Recipe, repository string, bases []ciconfig.Base) []string {
	var list []string
	ours := path.Join(i.ContextDir, i.Dockerfile)
	if theirs := path.Join(r.ContextDir, r.Dockerfile); r.Literal != "" || ours != theirs {
		if r.Literal != "" {
			theirs = "a Dockerfile in the config itself"
		}
		list = append(list, fmt.Sprintf("Dockerfile: build data say %s, CI says %s", ours, theirs))
	}
	if i.Repository != "" && repository != "" && i.Repository != repository {
		list = append(list, fmt.Sprintf("repository: build data say %s, the payload says %s", i.Repository, repository))
	}
	settled, err := i.Settle(bases)
	if err != nil {
		return append(list, "bases: "+err.Error())
	}
	for k, base := range settled {
		if before := bases[k]; base.Kind == dockerfile.From && base.Image != before.Image {
			list = append(list, fmt.Sprintf("line %d: build data build on %s, CI on %s", base.Line,
				shown(base), shown(before)))
		}
	}
	return list
}

// shown names a base for a message.
func shown(b ciconfig.Base) string {
	switch {
	case !b.Image.IsZero():
		return b.Image.String()
	case b.Sibling != "":
		return "the image " + b.Sibling + " of the same config"
	}
	return b.Pullspec
}
