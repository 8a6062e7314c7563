package rebuild

import (
	"slices"
	"sync"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/bases"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/builddata"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// work is a request whose every input is settled.
type work struct {
	request    Request
	rules      bases.Rules // what the user wants in place of which base, flags first
	checkout   bool        // the sources are put into place to be built; else problems are noted, and the plan goes on
	release    *payload.Release
	components map[string]payload.Component // all of the release
	stream     ciconfig.Stream
	added      map[string]bool // by name, what --with-dependents added to the request
	units      []*unit         // the components named, in the order of the request; all of them for a plan of the whole payload
	helpers    []*unit         // images that are built first and only used, in the order in which they can be built
	order      [][]*unit
	plan       *Plan
	secrets    []string  // that the command line gives to builds
	configTime time.Time // when the configs were written; zero where nobody knows
}

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
	tree       gitsrc.Tree
	match      ciconfig.Match
	recipe     ciconfig.Recipe
	args       []ciconfig.Arg
	resolution *ciconfig.Resolution
	bases      []*base // as resolution.Bases; what the config declares where the Dockerfile was not read
	files      []*base // images from which files are copied into the build context, by pipeline tag
	labels     map[string]string
	repository string     // where the image is pushed; "" for images that are only used
	swapped    string     // pull spec by digest of an image that exists already; then nothing else is set
	begun      time.Time  // when its working tree was read for its build, as file systems tell the time
	digest     string     // of the whole tree, where that is not a commit's
	making     sync.Mutex // held while its image is brought into local storage
	problem    error      // why it cannot be built, where a plan goes on without it
	leftOut    bool       // the run goes on without it

	buildData     *builddata.Image // how ocp-build-data build it; nil where nobody asked
	takeBuildData bool             // instead of the config's recipe
	opinion       []string         // what the build data say differently
	os            *osUnit          // nil unless it changes an operating system image
}

// replaces reports whether the unit's image becomes part of the payload.
func (u *unit) replaces() bool { return u.kind == kindComponent }

// base is one image that a unit is built on or copies from, and what stands for it.
type base struct {
	ciconfig.Base
	chosen   string // repository@digest; "" where another unit builds it
	from     string
	why      string
	built    *unit     // built in the same run
	taken    string    // component of the payload whose image is taken as it is
	peeled   *peeled   // made of chosen by leaving its last layer away
	attempts []attempt // what was tried before
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

// keep leaves among the helpers only those that a component needs.
func (w *work) keep() {
	seen := map[*unit]bool{}
	w.helpers = nil
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
			w.helpers = append(w.helpers, u)
		}
	}
	for _, u := range w.units {
		visit(u)
	}
}
