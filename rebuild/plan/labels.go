package plan

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

// label notes when a working tree was read, and gives a unit its labels: those that CI gives to an image built from a
// branch, and marks on what was built from changed source.
func (p *planner) label(ctx context.Context, u *unit) (err error) {
	if p.Sources != nil && p.Sources.IsLive(u.tree) && u.tree.Directory != "" {
		if u.readAt, err = p.Sources.Now(); err != nil { // what is read from here on must not change
			return err
		}
	}
	if u.os != nil {
		u.labels = u.osLabels()
		return nil
	}
	facts := ciconfig.Provenance{Repository: u.tree.Repository, Commit: u.tree.Commit, Ref: u.tree.Ref}
	for _, b := range u.bases {
		if b.Final && b.Alias != "" && b.Alias == u.recipe.From {
			facts.From = b.Alias
			_, sum := registry.SplitDigest(b.chosen)
			facts.FromDigest = sum.String()
			if b.peel != nil { // chosen is what was built on the base
				facts.FromDigest = b.digest
			}
		}
	}
	u.labels = map[string]string{}
	for _, label := range ciconfig.Labels(facts) {
		u.labels[label.Name] = label.Value
	}
	if !u.tree.Dirty {
		return nil
	}
	if u.digest, err = p.Sources.Digest(ctx, u.tree.Directory, u.tree.LeftOut()); err != nil {
		return err
	}
	u.labels[dirtyLabel] = "sha256:" + u.digest
	var patches []string
	for _, patch := range u.request.Patches {
		patches = append(patches, filepath.Base(patch))
	}
	if len(patches) > 0 {
		u.labels[patchesLabel] = strings.Join(patches, ",")
	}
	return nil
}
