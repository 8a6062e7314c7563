package image

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// later makes an image that is only used when something has to be built on it: what is built on it is known by its key,
// and most often there already.
type later struct {
	*shop
	next Maker
}

func (m later) Make(ctx context.Context, u Unit) (Image, error) {
	if u.Replaces() {
		return m.next.Make(ctx, u)
	}
	return Image{make: sync.OnceValues(func() (Image, error) {
		image, err := named{m.next}.Make(ctx, u)
		var need *NeedError
		switch {
		case err == nil || ctx.Err() != nil:
		case errors.As(err, &need):
			m.Report.Report(u.Name, progress.Build, progress.Failed, "it is built on %s", need.Need)
		default: // now, since what else is made may take long to end
			m.Report.Report(u.Name, progress.Build, progress.Failed, "%v", err)
			err = &NeedError{Need: u.Name, err: err}
		}
		return image, err
	})}, nil
}

// makeNeeds makes those of the images that a unit is built on that are only used.
func (u *Unit) makeNeeds(ctx context.Context) (err error) {
	u.used = map[string]Image{}
	for _, name := range slices.Sorted(maps.Keys(u.Needs)) {
		need := u.Needs[name]
		if need.Unit.Replaces() {
			continue
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if u.used[name], err = need.Image.make(); err != nil {
			return err
		}
	}
	return nil
}

// NeedError says that an image was not made because another one, which it is built on, could not be.
type NeedError struct {
	Need string // the other one's name
	err  error
}

// Error tells why the other one could not be made.
func (e *NeedError) Error() string { return e.err.Error() }

// Unwrap gives access to that.
func (e *NeedError) Unwrap() error { return e.err }
