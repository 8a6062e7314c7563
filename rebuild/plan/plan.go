package plan

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
	"github.com/oc-rebuild/oc-rebuild/rebuild/osimage"
)

// Plan is everything that is settled before anything is built. Nothing changes it. Its JSON form is what `oc rebuild
// plan -o json` prints; fields may be added, never renamed.
type Plan struct {
	APIVersion string      `json:"apiVersion"` // Version
	Release    Release     `json:"release"`
	Platform   string      `json:"platform,omitempty"` // os/arch[/variant] that images are built for
	Components []Component `json:"components"`
	Images     []Component `json:"images,omitempty"` // built first and only used
	// components that can be built side by side, in the order of the groups
	Order    [][]string `json:"order"`
	Warnings []string   `json:"warnings,omitempty"`
}

// maxProblems is how many problems an error spells out; the plan itself has them all.
const maxProblems = 3

// Left is given in place of an image where a plan is carried out in parts: its component could not be built, and stays
// as it was.
const Left = "left"

// Err is nil if everything that has a source can be built. Otherwise the error has the class and the advice of the
// first problem.
func (p *Plan) Err() error {
	var problems []error
	var first Component
	for _, c := range p.Components {
		if c.Problem == "" || c.Class == 0 {
			continue
		}
		if len(problems) == 0 {
			first = c
		}
		problems = append(problems, errors.New(c.Problem))
	}
	if len(problems) == 0 {
		return nil
	}
	kind := first.Class
	if kind == fault.Other { // a server that cannot be reached, say: an input that cannot be resolved
		kind = fault.Unresolved
	}
	if len(problems) <= maxProblems {
		return fault.New(kind, first.Advice, errors.Join(problems...))
	}
	return fault.New(kind, "The plan says why for each. Of the first: "+first.Advice,
		fmt.Errorf("%d of %d components cannot be built", len(problems), len(p.Components)))
}

// Warnings lists what plans warn of, each warning once.
func Warnings(plans ...*Plan) []string {
	var all []string
	for _, p := range plans {
		for _, warning := range p.Warnings {
			if !slices.Contains(all, warning) {
				all = append(all, warning)
			}
		}
	}
	return all
}

// InOrder lists what is to be built, each after everything that it is built on.
func (p *Plan) InOrder() []Component {
	byName := map[string]Component{}
	for _, component := range p.All() {
		byName[component.Name] = component
	}
	var list []Component
	for _, group := range p.Order {
		for _, name := range group {
			if component := byName[name]; !component.IsSwapped() {
				list = append(list, component)
			}
		}
	}
	return list
}

// Needs lists what has to be built before a component: other components, and images that are built first, in no
// payload, for it alone or for one another.
func (p *Plan) Needs(name string) (components, images []string) {
	order := p.InOrder()
	for _, unit := range slices.Backward(order) {
		if unit.Name != name && !slices.Contains(images, unit.Name) {
			continue
		}
		for _, base := range unit.Wants() {
			first := slices.IndexFunc(order, func(c Component) bool { return c.Name == base.Built })
			switch {
			case first < 0 || slices.Contains(components, base.Built) || slices.Contains(images, base.Built):
			case order[first].Replaces():
				components = append(components, base.Built)
			default:
				images = append(images, base.Built)
			}
		}
	}
	return components, images
}

// All lists components and images.
func (p *Plan) All() []Component { return slices.Concat(p.Components, p.Images) }

// Copy returns a plan with components and images of its own, and lists these, to be changed.
func (p *Plan) Copy() (_ *Plan, units []*Component) {
	own := *p
	own.Components, own.Images = slices.Clone(p.Components), slices.Clone(p.Images)
	for _, list := range [][]Component{own.Components, own.Images} {
		for i := range list {
			units = append(units, &list[i])
		}
	}
	return &own, units
}

// Release is the payload that the plan starts from.
type Release struct {
	Image    string          `json:"image"`    // as the user gave it
	PullSpec string          `json:"pullspec"` // by digest
	Digest   digest.Digest   `json:"digest"`   // of its manifest, or of its manifest list
	Name     string          `json:"name"`
	Stream   ciconfig.Stream `json:"stream"` // that the payload was made from
}

// Component is one component: where its source comes from, how it is built, on what, and where the image goes.
type Component struct {
	Name string `json:"name"`
	// component; pipeline: an image of the same config that others are built from; base: a base built from its source
	Kind   string            `json:"kind"`
	Image  string            `json:"image"` // pull spec in the source payload
	Source Source            `json:"source"`
	Recipe Recipe            `json:"recipe"`
	Bases  []Base            `json:"bases"`
	Files  []Base            `json:"files,omitempty"` // images from which files are copied into the build context
	Labels map[string]string `json:"labels"`
	// repository that the image is pushed to, or the pull spec that is swapped in
	Target string `json:"target"`
	// Problem says why the component cannot be built.
	Problem string `json:"problem,omitempty"`
	// Class is the class of the problem; 0 where it is none of this plan's: images of a whole payload that are not
	// built from source.
	Class  fault.Kind `json:"exitCode,omitempty"`
	Advice string     `json:"advice,omitempty"` // what to do about it

	// Given says that the component was read from a plan, which anybody may have written: its Dockerfile need not be
	// that of its source.
	Given bool `json:"-"`

	OS *OSImage `json:"os,omitempty"` // what changes in an operating system image, which is not built from source
}

// Replaces reports whether the image becomes part of the payload.
func (c *Component) Replaces() bool { return c.Kind == string(kindComponent) }

// IsSwapped reports whether Target is an image that exists already: nothing is built.
func (c *Component) IsSwapped() bool { return c.Source.Kind == SourceImage }

// Noun is what messages call it.
func (c *Component) Noun() string { return noun(c.Replaces()) }

func noun(replaces bool) string {
	if replaces {
		return "component"
	}
	return "image"
}

// Wants lists every image that it takes something from.
func (c *Component) Wants() []Base { return slices.Concat(c.Bases, c.Files) }

// File returns the image from which files are copied that a pipeline tag stands for.
func (c *Component) File(tag string) (base Base, ok bool) {
	i := slices.IndexFunc(c.Files, func(base Base) bool { return base.Alias == tag })
	if i < 0 {
		return Base{}, false
	}
	return c.Files[i], true
}

// OSImage is a change to an operating system image.
type OSImage struct {
	Base    osimage.Base    `json:"base"`
	Changes osimage.Changes `json:"changes"`
}

// The kinds of source besides those of gitsrc.
const (
	SourceImage   = "image"    // an image that exists already
	SourceOSImage = "os-image" // the payload's own image, changed
)

// Source is the source of a component.
type Source struct {
	// payload, ref, pull, merge, fork, local; image where an existing image is swapped in
	Kind       string `json:"kind"`
	Repository string `json:"repository"`
	Commit     string `json:"commit"`
	Ref        string `json:"ref"`
	Path       string `json:"path,omitempty"`
	Dirty      bool   `json:"dirty,omitempty"`
	// Unpublished tells that no other repository has the commit: of a local tree as far as its clone knows, or of a
	// merge.
	Unpublished bool     `json:"unpublished,omitempty"`
	Merged      []string `json:"merged,omitempty"` // the commits that a merge was made of, the base first
	// files, and whole directories, that git ignores in a local tree: the build does not see them
	Ignored int `json:"ignored,omitempty"`

	Request gitsrc.Request `json:"request"`           // what brings the files to a machine
	Patches []Patch        `json:"patches,omitempty"` // the files that Request.Patches names
	Time    time.Time      `json:"time,omitzero"`     // of the commit
	Digest  string         `json:"digest,omitempty"`  // of the whole tree, in hex, where that is not the commit's
	Read    time.Time      `json:"read,omitzero"`     // when a working tree was read, as its file system tells the time
	// of the working tree, or of the files of os.changes, which come with the plan in a registry
	Archive digest.Digest `json:"archive,omitempty"`
}

// Patch is a patch file with what it holds, so that a plan can be carried out where there is no such file.
type Patch struct {
	Name string `json:"name"` // without directories
	Data []byte `json:"data"`
}

// maxPatches bounds the patches of a component, in bytes.
const maxPatches = 16 << 20

// readPatches reads the patch files of a request.
func readPatches(names []string) ([]Patch, error) {
	var patches []Patch
	left := int64(maxPatches)
	for _, name := range names {
		data, err := regular.Read(name, left)
		if err != nil {
			return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading the patch: %w", err))
		}
		left -= int64(len(data))
		patches = append(patches, Patch{filepath.Base(name), data})
	}
	return patches, nil
}

// IsExact reports whether the commit says all about the files.
func (s *Source) IsExact() bool { return s.Tree().IsExact() }

// Tree is what the plan knows of the source, which need not be on this machine.
func (s *Source) Tree() gitsrc.Tree {
	return gitsrc.Tree{Kind: gitsrc.Kind(s.Kind), Repository: s.Repository, Commit: s.Commit, Ref: s.Ref, Path: s.Path,
		Dirty: s.Dirty, Merged: s.Merged, Time: s.Time}
}

// Recipe is how CI builds the component.
type Recipe struct {
	Origin     string `json:"origin"` // what decided: a file, a directory laid out as openshift/release, flags
	Config     string `json:"config"` // path of the ci-operator config
	Image      string `json:"image"`  // images[].to in that config
	ContextDir string `json:"contextDir"`
	// path relative to ContextDir; "" where the config holds the text itself
	Dockerfile string         `json:"dockerfile"`
	BuildArgs  []ciconfig.Arg `json:"buildArgs"`
	// File is the Dockerfile as it is built, after every substitution; payload:NAME stands for what this plan builds as
	// NAME.
	File    dockerfile.File `json:"dockerfileText"`
	Literal string          `json:"dockerfileLiteral,omitempty"` // the text that the config itself holds
	// what the build context is made of, later pieces over earlier ones
	Contexts []ciconfig.Context `json:"contexts,omitempty"`
	Requests map[string]string  `json:"requests,omitempty"` // what CI's build requests of a node, such as cpu: 100m
	Reason   string             `json:"reason,omitempty"`
}

// UnmarshalJSON reads the Dockerfile with the build arguments.
func (r *Recipe) UnmarshalJSON(data []byte) error {
	type plain Recipe
	if err := json.Unmarshal(data, (*plain)(r)); err != nil {
		return err
	}
	file, err := r.File.WithArguments(arguments(r.BuildArgs))
	if err == nil {
		r.File = *file
	}
	return err
}

// arguments returns build arguments by name.
func arguments(args []ciconfig.Arg) map[string]string {
	m := make(map[string]string, len(args))
	for _, arg := range args {
		m[arg.Name] = arg.Value
	}
	return m
}

// Args returns the build arguments by name.
func (r *Recipe) Args() map[string]string { return arguments(r.BuildArgs) }

// Base is one image that the Dockerfile names, and what stands for it.
type Base struct {
	Reference string `json:"reference"` // text in the Dockerfile
	Line      int    `json:"line"`      // of that text
	// key in the config's base_images or inputs; "" where the config does not know it
	Alias string `json:"alias"`
	// namespace/name:tag after the config's substitution; "" where it is a plain pull spec
	Image     string `json:"image"`
	PullSpec  string `json:"pullspec"` // what is pulled: repository@digest; "" for a component built in the same run
	From      string `json:"from"`     // map, build, payload, config, peel, overlay, public
	Stage     int    `json:"stage"`
	Final     bool   `json:"final"` // the base of the image itself
	Reason    string `json:"reason"`
	Built     string `json:"built,omitempty"`     // the component or image of this plan that builds it
	Component string `json:"component,omitempty"` // the component of the payload whose image is taken as it is
	Problem   string `json:"problem,omitempty"`   // why nothing stands for it
	// Kind is the instruction that names it; "" where the Dockerfile was not read.
	Kind dockerfile.Kind `json:"kind,omitempty"`
	Peel *Peel           `json:"peel,omitempty"` // it is made of PullSpec by leaving the last layers away
	// Attempts are what was tried before, in order.
	Attempts []Attempt `json:"attempts,omitempty"`
}

// Attempt is a way to a base that led nowhere.
type Attempt struct {
	From     string `json:"from"` // as in Base, or source: built from its source first
	PullSpec string `json:"pullspec,omitempty"`
	Problem  string `json:"problem"`
}

// Peel says how a base is made of an image that was built on it.
type Peel struct {
	Layers int    `json:"layers"`           // how many stay
	Config []byte `json:"config,omitempty"` // of what is left; nothing where the Dockerfile was not read
}

// ID is the name of the base in local storage, which goes by the digest of the config.
func (p *Peel) ID() string { return digest.FromBytes(p.Config).Encoded() }
