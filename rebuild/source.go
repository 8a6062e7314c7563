package rebuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
)

// obtain brings the source of a unit to this machine and reads its Dockerfile. A commit that only a plan is made of, or that was built
// before, is not checked out: most likely nobody needs its files.
func (j *Job) obtain(ctx context.Context, u *unit, checkout bool) error {
	if u.spec.Kind != gitsrc.Local && len(u.target.Patches) == 0 && (!checkout || j.builtBefore(u)) {
		return j.view(ctx, u)
	}
	if err := j.fetch(ctx, u); err != nil {
		return err
	}
	return u.readCheckout()
}

// readCheckout reads what decides the bases of a unit from files that are in place.
func (u *unit) readCheckout() error {
	root, err := os.OpenRoot(u.tree.Directory)
	if err != nil {
		return fmt.Errorf("reading the source: %w", err)
	}
	defer root.Close()
	return u.read(root.FS())
}

// source is the request for the source of a unit.
func (u *unit) source() gitsrc.Request {
	return gitsrc.Request{
		Repository: u.component.Source,
		Commit:     u.component.Commit,
		Branch:     u.branch(),
		Spec:       u.spec,
		Patches:    u.target.Patches,
	}
}

// view reads the Dockerfile of a unit without a checkout.
func (j *Job) view(ctx context.Context, u *unit) (err error) {
	stop := j.clock.start(u.target.Name, StageFetch)
	j.report(u.target.Name, StageFetch, Started, "%s", describeSource(u))
	revision, tree, err := j.Sources.View(ctx, u.source())
	stop()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, revision.Close()) }()
	u.tree = tree
	j.report(u.target.Name, StageFetch, Done, "%s at %s", tree.Repository, tree.Commit)
	return u.read(revision)
}

// fetch checks the source of a unit out; a local tree is taken as it is.
func (j *Job) fetch(ctx context.Context, u *unit) error {
	defer j.clock.start(u.target.Name, StageFetch)()
	j.report(u.target.Name, StageFetch, Started, "%s", describeSource(u))
	tree, err := j.Sources.Fetch(ctx, u.source(), filepath.Join(j.scratch, "source-"+url.PathEscape(u.target.Name)))
	if err != nil {
		return err
	}
	u.tree = tree
	switch {
	case tree.Commit == "":
		j.report(u.target.Name, StageFetch, Done, "%s, of no commit", tree.Repository)
	case tree.Dirty:
		j.report(u.target.Name, StageFetch, Done, "%s at %s, with changes", tree.Repository, tree.Commit)
	default:
		j.report(u.target.Name, StageFetch, Done, "%s at %s", tree.Repository, tree.Commit)
	}
	return j.warnOfPointers(ctx, u, tree)
}

// checkOut makes sure that the files of a unit's source are there.
func (j *Job) checkOut(ctx context.Context, u *unit) error {
	if u.tree.Directory != "" {
		return nil
	}
	return j.fetch(ctx, u)
}

// describeSource says in a few words what is about to be fetched.
func describeSource(u *unit) string {
	if u.spec.Kind == gitsrc.Payload {
		return fmt.Sprintf("%s at %s", u.component.Source, u.component.Commit)
	}
	return u.spec.String()
}

// builtBefore reports whether an earlier run built what the request for a unit's source names.
func (j *Job) builtBefore(u *unit) bool {
	if j.NoCache {
		return false
	}
	_, err := os.Stat(j.mark(u))
	return err == nil
}

// markBuilt records that what the request for a unit's source names was built.
func (j *Job) markBuilt(u *unit) error {
	if err := os.WriteFile(j.mark(u), nil, 0o600); err != nil {
		return fmt.Errorf("recording a build: %w", err)
	}
	return nil
}

// mark is the file that stands for a request for source.
func (j *Job) mark(u *unit) string {
	sum := sha256.Sum256([]byte(u.component.Source + "\x00" + u.component.Commit + "\x00" + u.spec.String()))
	return j.cached("builds", "source-"+hex.EncodeToString(sum[:]))
}

// hidden lists what the build context of a working tree has and CI's checkout would not: what git ignores there, among it whatever the
// user keeps out of git for good reasons.
func (u *unit) hidden() []string {
	directory, ok := u.plainContext()
	if !ok {
		return nil
	}
	return u.ignoredBelow(directory)
}
