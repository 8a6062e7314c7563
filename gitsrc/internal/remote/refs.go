package remote

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// Refs is what a server advertises.
type Refs struct {
	Head   string             // branch that HEAD points to, such as "main"; "" if the server does not tell
	ByName map[string]pack.ID // full names: refs/heads/main
	Peeled map[string]pack.ID // commits that annotated tags point to, by the tag's full name
	AnyID  bool               // whether a commit that no ref names may be asked for
	Filter bool               // whether objects can be left out of a fetch
}

// Commit returns the commit of a ref: for an annotated tag what it points to.
func (r *Refs) Commit(name string) (pack.ID, bool) {
	if id, ok := r.Peeled[name]; ok {
		return id, true
	}
	id, ok := r.ByName[name]
	return id, ok
}

// Names returns the full names with a prefix, sorted.
func (r *Refs) Names(prefix string) []string {
	var names []string
	for name := range r.ByName {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Refs asks the server for its branches, tags and other refs.
func (r *Remote) Refs(ctx context.Context) (*Refs, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Total, errSlow)
	defer cancel()
	watch := newWatchdog(ctx, r.limits.Stall)
	defer watch.stop()
	refs := &Refs{ByName: map[string]pack.ID{}, Peeled: map[string]pack.ID{}}
	err := r.session(ctx, func(s transport.UploadPackSession) error {
		defer s.Close()
		adv, err := s.AdvertisedReferencesContext(watch.ctx)
		if err != nil {
			return cause(watch.ctx, err)
		}
		for name, id := range adv.References {
			refs.ByName[name] = pack.ID(id)
		}
		for name, id := range adv.Peeled {
			refs.Peeled[name] = pack.ID(id)
		}
		for _, value := range adv.Capabilities.Get(capability.SymRef) {
			if target, ok := strings.CutPrefix(value, "HEAD:refs/heads/"); ok {
				refs.Head = target
			}
		}
		caps := adv.Capabilities
		refs.AnyID = caps.Supports(capability.AllowReachableSHA1InWant) || caps.Supports("allow-any-sha1-in-want")
		refs.Filter = caps.Supports(capability.Filter)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return refs, nil
}

// ErrStalled ends a connection on which nothing comes any more.
var ErrStalled = errors.New("the server has not sent anything for too long")

var errSlow = errors.New("the server takes too long")

// cause prefers the reason why a context ended to the error that followed from it.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
