package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// patience is how long a registry may be silent, and how long it may take for each leastProgress of what it sends.
	patience = 30 * time.Second
	// leastProgress is what has to come in that time, in bytes: a registry that sends a byte a second is as good as
	// silent.
	leastProgress = 64 << 10
	// storing is the rate at which a registry is expected to store what it was sent before it answers, in bytes a
	// second.
	storing = 10 << 20
)

// patient is a transport that gives up on servers that say nothing. Time that the program itself takes, to provide what
// is sent or to make use of what came, does not count.
type patient struct {
	*http.Transport
	limit  time.Duration
	notice func(host string, waited time.Duration) // called once for a request that has waited for a third of the limit
}

// RoundTrip implements http.RoundTripper.
func (p *patient) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(request.Context())
	w := &watch{limit: p.limit, cancel: cancel, ctx: ctx,
		silence: &silentError{host: request.URL.Host, waited: p.limit}}
	w.timer = time.AfterFunc(p.limit, w.end)
	w.early = time.AfterFunc(p.limit/3, func() { p.notice(request.URL.Host, p.limit/3) })
	watched := request.WithContext(ctx)
	if request.Body != nil && request.Body != http.NoBody {
		watched.Body = &sending{request.Body, w, max(0, request.ContentLength)}
	}
	answer, err := p.Transport.RoundTrip(watched)
	w.answered.Store(true)
	w.pause()
	if err != nil {
		err = w.explain(err)
		cancel(nil)
		return nil, err
	}
	answer.Body = &receiving{body: answer.Body, watch: w}
	return answer, nil
}

// watch ends a request when nothing has happened for too long.
type watch struct {
	limit        time.Duration
	ctx          context.Context //nolint:containedctx // it lives as long as the answer is read
	cancel       context.CancelCauseFunc
	silence      *silentError
	timer, early *time.Timer
	answered     atomic.Bool // what is still sent then does not matter
}

func (w *watch) end() { w.cancel(w.silence) }

// pause stops the watch.
func (w *watch) pause() {
	w.timer.Stop()
	w.early.Stop()
}

// resume lets the other side be silent for a time from now on.
func (w *watch) resume(limit time.Duration) {
	w.timer.Reset(limit)
	w.early.Reset(w.limit / 3)
}

// explain replaces the error of a request that the watch ended.
func (w *watch) explain(err error) error {
	if err != nil && errors.Is(context.Cause(w.ctx), w.silence) {
		return w.silence
	}
	return err
}

// sending is the content of a request.
type sending struct {
	io.ReadCloser
	watch *watch
	size  int64 // bytes; 0 = unknown
}

// Read implements io.Reader.
func (s *sending) Read(p []byte) (int, error) {
	if s.watch.answered.Load() {
		return s.ReadCloser.Read(p)
	}
	s.watch.pause()
	n, err := s.ReadCloser.Read(p)
	if err != nil { // at the end the registry stores what it got
		s.watch.resume(s.watch.limit + time.Duration(s.size/storing)*time.Second)
	} else {
		s.watch.resume(s.watch.limit)
	}
	return n, err
}

// receiving is the content of an answer.
type receiving struct {
	body   io.ReadCloser
	watch  *watch
	waited time.Duration // for the progress that is under way
	came   int           // bytes of it
}

// Read implements io.Reader.
func (r *receiving) Read(p []byte) (int, error) {
	begun := time.Now()
	r.watch.resume(r.watch.limit - r.waited)
	n, err := r.body.Read(p)
	r.watch.pause()
	r.waited += time.Since(begun)
	if r.came += n; r.came >= leastProgress {
		r.waited, r.came = 0, 0
	}
	if err == nil && r.waited >= r.watch.limit {
		r.watch.end()
		err = r.watch.silence
	}
	return n, r.watch.explain(err)
}

// Close implements io.Closer.
func (r *receiving) Close() error {
	r.watch.pause()
	defer r.watch.cancel(nil)
	return r.body.Close()
}

// silentError says that a server was waited for in vain. It is a net.Error.
type silentError struct {
	host   string
	waited time.Duration
}

// Error names the server.
func (e *silentError) Error() string {
	return fmt.Sprintf("%s has sent nothing, or next to nothing, for %s", e.host, e.waited)
}

// Timeout implements net.Error.
func (e *silentError) Timeout() bool { return true }

// Temporary implements net.Error.
func (e *silentError) Temporary() bool { return true }
