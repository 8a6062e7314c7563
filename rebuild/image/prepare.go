package image

import (
	"context"
	"fmt"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// prepared puts into place what a build reads: the source, the bases, the build context, a log; and packs what comes
// of it.
type prepared struct {
	*shop
	next Maker
}

func (m *prepared) Make(ctx context.Context, u Unit) (Image, error) {
	b, err := m.open(ctx)
	if err != nil {
		return Image{}, err
	}
	if err := b.CheckPrograms(u.Name, u.file.Text()); err != nil {
		return Image{}, err
	}
	if err := m.checkOut(ctx, &u); err != nil {
		return Image{}, err
	}
	if err := u.makeNeeds(ctx); err != nil {
		return Image{}, err
	}
	base, err := m.pullBases(ctx, &u)
	if err != nil {
		return Image{}, err
	}
	if err := u.checkOS(b); err != nil {
		return Image{}, err
	}
	directory, remove, err := m.assembleContext(ctx, b, u)
	if err != nil {
		return Image{}, err
	}
	defer remove()
	u.build = builder.Build{
		Name: u.Name, Context: directory, Hidden: u.hidden(), Whole: u.isSource(), Dockerfile: u.file.Text(),
		Args: u.Recipe.Args(), Labels: u.Labels,
		Timestamp: u.Source.Time, Secrets: m.Secrets,
	}
	image, err := m.logged(ctx, b, u)
	if err != nil {
		return Image{}, err
	}
	for _, need := range u.used {
		image.unsure = image.unsure || need.unsure
	}
	if u.Replaces() {
		defer b.Remove(image.local.ID) //nolint:errcheck // what was packed is kept; storage that cannot delete the image loses only space
	}
	if err := u.finishOS(b, &image.local); err != nil {
		return Image{}, err
	}
	if err := image.pack(ctx, b, base, u.baseNames(), packer{m.cached(cache.Blobs), m.Compression}); err != nil {
		return Image{}, err
	}
	m.Report.Report(u.Name, progress.Build, progress.Done, "%s", image.Digest())
	return image, nil
}

// checkOut makes sure that the files of a unit's source are there, and that they are those that the plan was made from.
func (m *prepared) checkOut(ctx context.Context, u *Unit) (err error) {
	if u.tree.Directory != "" {
		return nil
	}
	if u.tree, err = m.Sources.Checkout(ctx, u.Name, u.Source.Request); err != nil {
		return err
	}
	if u.tree.Commit != u.Source.Commit {
		return fault.New(fault.Unresolved, "Plan again.",
			fmt.Errorf("%s was at commit %s when it was planned, and is at %s now", u.Source.Repository,
				u.Source.Commit, u.tree.Commit))
	}
	return nil
}

// logged builds with a log, and says of a failing step what it printed last and where the rest is.
func (m *prepared) logged(ctx context.Context, b *builder.Builder, u Unit) (Image, error) {
	log, err := newBuildLog(m.cached(cache.Logs), u.Name,
		func(line string) { m.Report.Report(u.Name, progress.Build, progress.Running, "%s", line) })
	if err != nil {
		return Image{}, err
	}
	defer log.Close()
	defer m.Report.Start(u.Name, progress.Build)()
	m.Report.Report(u.Name, progress.Build, progress.Started, "%s, %s isolation, log in %s", u.Recipe.Dockerfile,
		b.Isolation().Name, log.Path)
	u.build.Log = log
	image, err := m.next.Make(ctx, u)
	if fault.KindOf(err) == fault.Build {
		err = fault.New(fault.Build, "The whole output is in "+log.Path+".\n"+fault.AdviceOf(err),
			newFailure(u.Name, log, err))
	}
	image.Log = log.Path
	return image, err
}
