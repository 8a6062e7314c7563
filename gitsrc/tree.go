package gitsrc

import (
	"slices"
	"strconv"
	"time"
)

// Tree is a component's source, ready to be built: a directory with a .git of its own and what is known about it.
type Tree struct {
	Kind       Kind   `json:"kind"`
	Repository string `json:"repository,omitempty"` // https address without .git, as source-location labels carry it
	// commit that is checked out; for a local tree its HEAD; "" if it has none
	Commit string `json:"commit,omitempty"`
	Ref    string `json:"ref,omitempty"`   // branch that the checkout is on
	Path   string `json:"path,omitempty"`  // Local: the directory that the user named
	Dirty  bool   `json:"dirty,omitempty"` // differs from Commit: uncommitted changes or patches
	// Unpublished tells that no other repository has Commit: of a local tree as far as its clone knows, or of a merge
	// that was made here.
	Unpublished bool      `json:"unpublished,omitempty"`
	Merged      []string  `json:"merged,omitempty"` // Merge: the commits that Commit was made of, the base first
	Tag         string    `json:"tag,omitempty"`    // that the user named in place of a branch or commit
	Time        time.Time `json:"time,omitzero"`    // committer time of Commit
	// where the files are; for a local tree without patches the directory itself
	Directory string `json:"-"`
	Branch    string `json:"-"` // Local: the branch that is checked out in the directory; "" = none
	// Local: the directories in which git keeps what it knows of Directory, and then of submodules
	Git []string `json:"-"`
	// Local: slash-separated paths below Directory that .gitignore excludes, and each .git of a clone that lies there;
	// CI's checkout would not have them
	Ignored    []string `json:"-"`
	Submodules []string `json:"-"` // Local, or with patches: the .git of each submodule
	// Local: the commits that submodules are at, by their paths: a step may ask git for them
	Heads map[string]string `json:"-"`
	Empty []string          `json:"-"` // Local: submodules that are not checked out, by their paths; CI's checkout has them
}

// LeftOut lists what a commit and the files say nothing of, and what is not to leave this machine.
func (t Tree) LeftOut() []string { return slices.Concat(t.Ignored, t.Submodules) }

// IsExact reports whether the commit says all about the files.
func (t Tree) IsExact() bool { return t.Kind != Local && !t.Dirty && t.Commit != "" }

// Variable is one name and value of a build's environment.
type Variable struct{ Name, Value string }

// Variables returns what ART and CI tell a build about its source. The list is in a fixed order; unknown values are
// left out.
func (t Tree) Variables() []Variable {
	state := "clean"
	if t.Dirty {
		state = "dirty"
	}
	all := []Variable{
		{"SOURCE_GIT_COMMIT", t.Commit},
		{"SOURCE_GIT_TAG", t.Tag},
		{"SOURCE_GIT_TREE_STATE", state},
		{"SOURCE_GIT_URL", t.Repository},
	}
	if !t.Time.IsZero() {
		all = append(all, Variable{"SOURCE_DATE_EPOCH", strconv.FormatInt(t.Time.Unix(), 10)})
	}
	var known []Variable
	for _, v := range all {
		if v.Value != "" {
			known = append(known, v)
		}
	}
	return known
}
