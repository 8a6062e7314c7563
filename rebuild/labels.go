package rebuild

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Labels of an image whose source differs from the commit that it names.
const (
	dirtyLabel   = "io.oc-rebuild.dirty"   // digest of the tree
	patchesLabel = "io.oc-rebuild.patches" // names of the patches that made it so
)

// provenance returns the labels that CI gives to an image built from a branch, and marks on what was built from changed source.
func (u *unit) provenance(ctx context.Context) (map[string]string, error) {
	if u.os != nil {
		return u.osLabels(), nil
	}
	facts := ciconfig.Provenance{Repository: u.tree.Repository, Commit: u.tree.Commit, Ref: u.tree.Ref}
	for _, b := range u.bases {
		if b.Final && b.Alias != "" && b.Alias == u.recipe.From {
			facts.From = b.Alias
			_, sum := registry.SplitDigest(b.chosen)
			facts.FromDigest = sum.String()
			if b.peeled != nil { // chosen is what was built on the base
				facts.FromDigest = b.peeled.digest
			}
		}
	}
	labels := map[string]string{}
	for _, label := range ciconfig.Labels(facts) {
		labels[label.Name] = label.Value
	}
	if !u.tree.Dirty {
		return labels, nil
	}
	var err error
	if u.digest, err = digestTree(ctx, u.tree.Directory, u.tree.Ignored); err != nil {
		return nil, err
	}
	labels[dirtyLabel] = "sha256:" + u.digest
	var patches []string
	for _, patch := range u.target.Patches {
		patches = append(patches, filepath.Base(patch))
	}
	if len(patches) > 0 {
		labels[patchesLabel] = strings.Join(patches, ",")
	}
	return labels, nil
}
