package rebuild

import (
	"strings"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
)

// dirtyLabel marks an image whose source differs from the commit that it names.
const dirtyLabel = "io.oc-rebuild.dirty"

// provenance returns the labels that CI gives to an image built from a branch, and a mark on what was built from changed source.
func (u *unit) provenance() map[string]string {
	if u.os != nil {
		return u.osLabels()
	}
	facts := ciconfig.Provenance{Repository: u.tree.Repository, Commit: u.tree.Commit, Ref: u.tree.Ref}
	for _, b := range u.bases {
		if b.Final && b.Alias != "" && b.Alias == u.recipe.From {
			facts.From = b.Alias
			_, facts.FromDigest, _ = strings.Cut(b.chosen, "@")
			if b.peeled != nil { // chosen is what was built on the base
				facts.FromDigest = b.peeled.digest
			}
		}
	}
	labels := map[string]string{}
	for _, label := range ciconfig.Labels(facts) {
		labels[label.Name] = label.Value
	}
	if u.tree.Dirty {
		labels[dirtyLabel] = "true"
	}
	return labels
}
