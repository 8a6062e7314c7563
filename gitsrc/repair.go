package gitsrc

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

// errDamaged marks what can only come from a cache that has changed since it was filled.
var errDamaged = errors.New("the cache is damaged")

// inCache marks an error of reading the cache as damage, unless it has another reason.
func inCache(err error) error {
	if errors.Is(err, errDamaged) {
		return err
	}
	if errors.Is(err, pack.ErrCorrupt) || errors.Is(err, pack.ErrNotFound) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return err
}

// repair throws the cache of a repository away, so that what is needed of it is fetched again. It first makes sure
// that the server answers: without one, what is left of the cache is better than nothing. The caller must not hold
// the lock.
func (s *Store) repair(ctx context.Context, address giturl.URL, damage error) error {
	r, err := s.remote(address)
	if err == nil {
		_, err = r.Refs(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fault.New(fault.KindOf(err),
			"try again when the server can be reached; `oc rebuild cache prune --all` removes the damaged cache",
			fmt.Errorf("%w, and it cannot be fetched again: %w", damage, err))
	}
	s.tell(ctx, Event{Repository: address.Web(), Message: fmt.Sprintf("fetching again: %v", damage)})
	return s.remove(ctx, s.repository(address))
}
