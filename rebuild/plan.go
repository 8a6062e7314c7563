package rebuild

import (
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Plan is everything that is settled before anything is built. Its JSON form is what `oc rebuild plan -o json` prints; fields may be
// added, never renamed.
type Plan struct {
	Release    PlannedRelease     `json:"release"`
	Components []PlannedComponent `json:"components"`
	Images     []PlannedComponent `json:"images,omitempty"` // built first and only used
	Order      [][]string         `json:"order"`            // components that can be built side by side, in the order of the groups
	Warnings   []string           `json:"warnings,omitempty"`

	problems []error // why some components cannot be built
}

// maxProblems is how many problems an error spells out; the plan itself has them all.
const maxProblems = 3

// problem is nil if everything that has a source can be built. Otherwise the error has the class and the advice of the first problem.
func (p *Plan) problem() error {
	if len(p.problems) == 0 {
		return nil
	}
	first := p.problems[0]
	kind := fault.KindOf(first)
	if kind == fault.Other { // a server that cannot be reached, say: an input that cannot be resolved
		kind = fault.Unresolved
	}
	if len(p.problems) <= maxProblems {
		return fault.New(kind, fault.AdviceOf(first), joinFailures(p.problems))
	}
	return fault.New(kind, "The plan says why for each. Of the first: "+fault.AdviceOf(first),
		fmt.Errorf("%d of %d components cannot be built", len(p.problems), len(p.Components)))
}

// PlannedRelease is the payload that the plan starts from.
type PlannedRelease struct {
	Image  string          `json:"image"`  // as the user gave it
	Digest digest.Digest   `json:"digest"` // of its manifest, or of its manifest list
	Name   string          `json:"name"`
	Stream ciconfig.Stream `json:"stream"` // that the payload was made from
}

// PlannedComponent is one component: where its source comes from, how it is built, on what, and where the image goes.
type PlannedComponent struct {
	Name   string            `json:"name"`
	Kind   string            `json:"kind"`  // component; pipeline: an image of the same config that others are built from; base: a base built from its source
	Image  string            `json:"image"` // pull spec in the source payload
	Source PlannedSource     `json:"source"`
	Recipe PlannedRecipe     `json:"recipe"`
	Bases  []PlannedBase     `json:"bases"`
	Files  []PlannedBase     `json:"files,omitempty"` // images from which files are copied into the build context
	Labels map[string]string `json:"labels"`
	Target string            `json:"target"` // repository that the image is pushed to, or the pull spec that is swapped in
	// Problem says why the component cannot be built.
	Problem string `json:"problem,omitempty"`
}

// PlannedSource is the source of a component.
type PlannedSource struct {
	Kind       string `json:"kind"` // payload, ref, pull, fork, local; image where an existing image is swapped in
	Repository string `json:"repository"`
	Commit     string `json:"commit"`
	Ref        string `json:"ref"`
	Path       string `json:"path,omitempty"`
	Dirty      bool   `json:"dirty,omitempty"`
	// Unpublished tells of a local tree that, as far as its clone knows, no other repository has the commit.
	Unpublished bool `json:"unpublished,omitempty"`
	Ignored     int  `json:"ignored,omitempty"` // files, and whole directories, that git ignores in a local tree: the build does not see them
}

// PlannedRecipe is how CI builds the component.
type PlannedRecipe struct {
	Origin         string         `json:"origin"` // what decided: a file, a directory laid out as openshift/release, flags
	Config         string         `json:"config"` // path of the ci-operator config
	Image          string         `json:"image"`  // images[].to in that config
	ContextDir     string         `json:"contextDir"`
	Dockerfile     string         `json:"dockerfile"` // path relative to ContextDir; "" where the config holds the text itself
	BuildArgs      []ciconfig.Arg `json:"buildArgs"`
	DockerfileText string         `json:"dockerfileText"` // as it is built, after every substitution
	Reason         string         `json:"reason,omitempty"`
}

// PlannedBase is one image that the Dockerfile names, and what stands for it.
type PlannedBase struct {
	Reference string `json:"reference"` // text in the Dockerfile
	Line      int    `json:"line"`      // of that text
	Alias     string `json:"alias"`     // key in the config's base_images or inputs; "" where the config does not know it
	Image     string `json:"image"`     // namespace/name:tag after the config's substitution; "" where it is a plain pull spec
	PullSpec  string `json:"pullspec"`  // what is pulled: repository@digest; "" for a component built in the same run
	From      string `json:"from"`      // map, build, payload, config, peel, overlay, public
	Stage     int    `json:"stage"`
	Final     bool   `json:"final"` // the base of the image itself
	Reason    string `json:"reason"`
	Built     string `json:"built,omitempty"`     // the component or image of this plan that builds it
	Component string `json:"component,omitempty"` // the component of the payload whose image is taken as it is
	Problem   string `json:"problem,omitempty"`   // why nothing stands for it
	// Attempts are what was tried before, in order.
	Attempts []PlannedAttempt `json:"attempts,omitempty"`
}

// PlannedAttempt is a way to a base that led nowhere.
type PlannedAttempt struct {
	From     string `json:"from"` // as in PlannedBase, or source: built from its source first
	PullSpec string `json:"pullspec,omitempty"`
	Problem  string `json:"problem"`
}

// Result is what a run made. Its JSON form is what `oc rebuild -o json` prints.
type Result struct {
	Release    ResultRelease      `json:"release"`
	Components []ResultComponent  `json:"components"`
	Seconds    map[string]float64 `json:"seconds"` // by stage, of the whole job
}

// ResultRelease is the new payload.
type ResultRelease struct {
	Image  string        `json:"image"` // repository@digest
	Digest digest.Digest `json:"digest"`
	Name   string        `json:"name"`
}

// ResultComponent is one new component image.
type ResultComponent struct {
	Name    string             `json:"name"`
	Image   string             `json:"image"` // repository@digest
	Digest  digest.Digest      `json:"digest"`
	Commit  string             `json:"commit"`
	Dirty   bool               `json:"dirty"`
	Log     string             `json:"log,omitempty"` // file with the whole output of the build
	Seconds map[string]float64 `json:"seconds"`       // by stage
}
