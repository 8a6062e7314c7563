package image

import (
	"errors"
	"os"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/osimage"
)

// final returns the image that the unit's own is built on.
func (u *Unit) final() (builder.Image, bool) {
	for i, base := range u.Bases {
		if base.Final {
			return u.images[i], true
		}
	}
	return builder.Image{}, false
}

// checkOS looks into the images that were pulled for what the build will run, so that it does not fail in the middle.
func (u *Unit) checkOS(b *builder.Builder) error {
	if u.OS == nil || u.os.File != "" {
		return nil
	}
	for _, need := range u.os.Needs {
		if err := u.checkNeed(b, need); err != nil {
			return err
		}
	}
	if image, ok := u.final(); ok {
		return b.View(image, u.os.Check)
	}
	return nil
}

// checkNeed looks for one program.
func (u *Unit) checkNeed(b *builder.Builder, need osimage.Need) error {
	for i, base := range u.Bases {
		if base.Final == need.Tools || base.Kind != dockerfile.From {
			continue
		}
		for _, program := range need.Programs {
			if has, err := b.HasProgram(u.images[i], program); err != nil || has {
				return err
			}
		}
		return need.Missing(base.Reference)
	}
	return errors.New("no stage of the build has the programs that it needs")
}

// finishOS gives the new image the labels that are known only now: the commit that was made.
func (u *Unit) finishOS(b *builder.Builder, image *builder.Image) error {
	old, ok := u.final()
	if !ok || !u.os.Commits {
		return nil
	}
	return b.View(old, func(before *os.Root) error {
		return b.View(*image, func(after *os.Root) error {
			commit, err := osimage.NewCommit(before, after)
			if err != nil {
				return err
			}
			image.Config, err = osimage.Relabel(image.Config, osimage.CommitLabel(commit))
			return err
		})
	})
}
