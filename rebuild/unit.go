package rebuild

import (
	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// work is a request whose every input is settled.
type work struct {
	request Request
	release *payload.Release
	stream  payload.Stream
	units   []*unit // the components named, in the order of the request
	order   [][]*unit
	plan    *Plan
	secrets []string // that the command line gives to builds
}

// unit is one image to build, or to swap in.
type unit struct {
	target     Target
	component  payload.Component
	spec       gitsrc.Spec
	tree       gitsrc.Tree
	match      ciconfig.Match
	recipe     ciconfig.Recipe
	args       []Arg
	dockerfile []byte // as it stands in the source
	resolution *ciconfig.Resolution
	bases      []*base // as resolution.Bases
	labels     map[string]string
	repository string  // where the image is pushed
	swapped    string  // pull spec by digest of an image that exists already; then nothing else is set
	os         *osUnit // nil unless it changes an operating system image
}

// base is one image that a unit is built on or copies from, and what stands for it.
type base struct {
	ciconfig.Base
	chosen   string // repository@digest; "" where unit builds it
	from     string // config, map, payload, overlay, public, build
	why      string
	built    *unit // built in the same run
	layers   []artifactLayer
	existing bool // layers are known
}

// needs lists the units whose images this one is built on.
func (u *unit) needs() []*unit {
	var list []*unit
	for _, base := range u.bases {
		if base.built != nil {
			list = append(list, base.built)
		}
	}
	return list
}
