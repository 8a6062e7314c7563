package plan

import (
	"slices"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/builddata"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// kind says what a unit is built for.
type kind string

const (
	kindComponent kind = "component" // replaces an image of the payload
	kindPipeline  kind = "pipeline"  // an image of the same config that others are built from: only used
	kindBase      kind = "base"      // a base image, built from the config that promotes it: only used
)

// unit is one image to build, or to swap in.
type unit struct {
	kind       kind
	target     Target
	component  payload.Component
	spec       gitsrc.Spec
	request    gitsrc.Request // for its source
	tree       gitsrc.Tree
	match      ciconfig.Match
	recipe     ciconfig.Recipe
	resolution *ciconfig.Resolution // nil where the Dockerfile was not read
	bases      []*base              // as resolution.Bases; what the config declares where the Dockerfile was not read
	files      []*base              // images from which files are copied into the build context, by pipeline tag
	labels     map[string]string
	repository string    // where the image is pushed; "" for images that are only used
	swapped    string    // pull spec by digest of an image that exists already; then nothing else is set
	readAt     time.Time // when its working tree was read, as file systems tell the time
	digest     string    // of the whole tree, where that is not a commit's
	problem    error     // why it cannot be built, where a plan goes on without it
	leftOut    bool      // the plan goes on without it

	buildData     *builddata.Image // how ocp-build-data build it; nil where there are none
	takeBuildData bool             // instead of the config's recipe
	opinion       []string         // what the build data say differently
	os            *osUnit          // nil unless it changes an operating system image
}

// replaces reports whether the unit's image becomes part of the payload.
func (u *unit) replaces() bool { return u.kind == kindComponent }

// noun is what messages call it.
func (u *unit) noun() string { return noun(u.replaces()) }

// base is one image that a unit is built on or copies from, and what stands for it.
type base struct {
	ciconfig.Base
	chosen   string // repository@digest; "" where another unit builds it
	from     string
	why      string
	built    *unit     // built in the same run
	taken    string    // component of the payload whose image is taken as it is
	peel     *Peel     // made of chosen by leaving its last layer away
	attempts []attempt // what was tried before
	digest   string    // of the base in CI's registry, where CI says so of an image that was built on it
	next     int       // strategy to go on with
	problem  error     // why nothing stands for it, where a plan goes on without it
}

// attempt is a way to a base that led nowhere.
type attempt struct {
	from, pullSpec string
	err            error
}

// wants lists every image that a unit takes something from.
func (u *unit) wants() []*base { return slices.Concat(u.bases, u.files) }

// needs lists the units whose images this one is built on.
func (u *unit) needs() []*unit {
	var list []*unit
	for _, base := range u.wants() {
		if base.built != nil {
			list = append(list, base.built)
		}
	}
	return list
}

// file returns the image that stands for a pipeline tag from which files are copied.
func (u *unit) file(tag string) *base {
	for _, b := range u.files {
		if b.Alias == tag {
			return b
		}
	}
	return nil
}

// dropUnused leaves among the helpers only those that a component needs.
func (p *planner) dropUnused() {
	seen := map[*unit]bool{}
	p.helpers = nil
	var visit func(*unit)
	visit = func(u *unit) {
		if seen[u] {
			return
		}
		seen[u] = true
		for _, need := range u.needs() {
			visit(need)
		}
		if !u.replaces() {
			p.helpers = append(p.helpers, u)
		}
	}
	for _, u := range p.units {
		visit(u)
	}
}
