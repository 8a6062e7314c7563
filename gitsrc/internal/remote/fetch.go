package remote

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
)

// Want is what to fetch.
type Want struct {
	IDs      []pack.ID // commits, or other objects where the server allows it
	Depth    int       // commits from each of them; 0 = the whole history
	Filter   string    // what to leave out, such as "tree:0" or "blob:none"; "" = nothing
	Haves    []pack.ID // commits that need not be sent
	Shallows []pack.ID // commits among them whose parents are not there
}

// Answer is a pack on its way, and what the server says about where history was cut.
type Answer struct {
	io.Reader
	Shallows   []pack.ID
	Unshallows []pack.ID
}

// Fetch asks for objects and calls f with the pack. A server that refuses gives a *Refused.
func (r *Remote) Fetch(ctx context.Context, want Want, f func(*Answer) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Total, errSlow)
	defer cancel()
	watch := newWatchdog(ctx, r.limits.Stall)
	defer watch.stop()
	return r.session(ctx, func(s transport.UploadPackSession) error {
		res, err := s.UploadPack(watch.ctx, request(want))
		if err != nil {
			s.Close()
			return cause(watch.ctx, err)
		}
		defer res.Close()
		r.seen.beginning.Store(false)
		demuxed := &watched{sideband.NewDemuxer(sideband.Sideband64k, &watched{res, watch}), watch}
		answer := &Answer{Reader: demuxed, Shallows: ids(res.Shallows), Unshallows: ids(res.Unshallows)}
		return cause(watch.ctx, f(answer))
	})
}

func request(want Want) *packp.UploadPackRequest {
	req := packp.NewUploadPackRequest()
	// These capabilities are older than every server that is still running; a server ignores what it does not know.
	for _, c := range []capability.Capability{capability.OFSDelta, capability.Sideband64k, capability.Shallow,
		capability.NoProgress} {
		_ = req.Capabilities.Set(c)
	}
	_ = req.Capabilities.Set(capability.Agent, "oc-rebuild")
	if len(want.Haves) > 0 {
		_ = req.Capabilities.Set(capability.ThinPack) // or the files that two commits share would be sent again
	}
	if want.Filter != "" {
		_ = req.Capabilities.Set(capability.Filter)
		req.Filter = packp.Filter(want.Filter)
	}
	req.Depth = packp.DepthCommits(want.Depth)
	req.Wants, req.Haves, req.Shallows = hashes(want.IDs), hashes(want.Haves), hashes(want.Shallows)
	return req
}

func hashes(list []pack.ID) []plumbing.Hash {
	out := make([]plumbing.Hash, len(list))
	for i, id := range list {
		out[i] = plumbing.Hash(id)
	}
	return out
}

func ids(list []plumbing.Hash) []pack.ID {
	out := make([]pack.ID, len(list))
	for i, id := range list {
		out[i] = pack.ID(id)
	}
	return out
}

// watchdog ends a context when nothing came for too long.
type watchdog struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

func newWatchdog(ctx context.Context, stall time.Duration) *watchdog {
	ctx, cancel := context.WithCancelCause(ctx)
	return &watchdog{ctx, cancel, time.AfterFunc(stall, func() { cancel(ErrStalled) }), stall}
}

func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// watched keeps the watchdog quiet as long as bytes come.
type watched struct {
	io.Reader
	watch *watchdog
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.watch.timer.Reset(w.watch.stall)
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("receiving: %w", cause(w.watch.ctx, printable(err)))
	}
	return n, err
}
