package rebuild

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

// Where RUN steps see the compile caches: a place of their own, so that a step that removes /root/.cache finds nothing mounted there.
const (
	goBuildCache  = "/run/oc-rebuild/go-build"
	goModuleCache = "/run/oc-rebuild/go-mod"
)

// compileCaches returns the caches that outlive a build of this unit. They are shared by builds of one repository and no others: what a
// step writes there is read by later builds, and one repository must not be able to change what another compiles. Neither must a pull
// request, which anybody can open; a working tree of the user belongs to the repository that it is a clone of.
func (j *Job) compileCaches(u *unit) ([]builder.Cache, error) {
	owner := u.tree.Repository
	switch {
	case u.tree.Kind == gitsrc.Pull:
		owner += " " + u.spec.String()
	case owner == "":
		owner = u.tree.Path
	}
	sum := sha256.Sum256([]byte(owner))
	directory := j.cached(cache.Compile, hex.EncodeToString(sum[:12]))
	return []builder.Cache{
		{Name: "oc-rebuild-go-build", Directory: filepath.Join(directory, "go-build"), Target: goBuildCache},
		{Name: "oc-rebuild-go-mod", Directory: filepath.Join(directory, "go-mod"), Target: goModuleCache},
	}, cache.Name(directory, owner)
}

// withCompileCaches points the Go toolchain to the caches in each stage that has one and is not part of the image itself, whose
// configuration stays as the Dockerfile makes it. A Dockerfile that sets GOCACHE itself keeps its own. It reports whether there is any
// such stage.
func (j *Job) withCompileCaches(b *builder.Builder, u *unit, text []byte, images map[*base]builder.Image) ([]byte, bool, error) {
	file, err := dockerfile.Parse(text, nil)
	if err != nil {
		return nil, false, fmt.Errorf("reading the Dockerfile: %w", err)
	}
	final := file.FinalStages()
	compiles := map[int]bool{}
	for _, base := range u.bases {
		if base.Kind != dockerfile.From || final[base.Stage] {
			continue
		}
		if compiles[base.Stage], err = b.HasProgram(images[base], "go"); err != nil {
			return nil, false, err
		}
	}
	any := false
	text, err = dockerfile.WithEnvironment(text, func(stage int) []dockerfile.Variable {
		if !compiles[stage] {
			return nil
		}
		any = true
		return []dockerfile.Variable{{Name: "GOCACHE", Value: goBuildCache}, {Name: "GOMODCACHE", Value: goModuleCache}}
	})
	return text, any, err
}
