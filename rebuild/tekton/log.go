package tekton

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

const (
	// maxLine is how much of a line of a log is looked at, in bytes.
	maxLine = 1 << 20
	// maxAttempts is how often the log of a pod that has ended is asked for.
	maxAttempts = 5
	// maxFailure is how much is kept of what a pod says of its failure, in bytes.
	maxFailure = 32 << 10
)

// reading is the log of a pod as far as it was read.
type reading struct {
	component string
	platform  string // where the run is for several
	pod       string
	end       sync.Once
	ended     chan struct{} // is closed once the pod's program has ended
	read      chan struct{} // is closed once there is nothing more to read
	until     time.Time     // of the last line

	mu     sync.Mutex
	failed strings.Builder // what came with the program's error
	is     bool            // the error has begun
}

// hasEnded says that the pod's program has ended: what there is of its log is all.
func (r *reading) hasEnded() { r.end.Do(func() { close(r.ended) }) }

// failure returns what the program said last, if that was an error.
func (r *reading) failure() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.TrimSpace(r.failed.String())
	// advice: a file that is gone with the pod
	if at := strings.LastIndex(text, "\n"); at > 0 && strings.Contains(text[at:], scratch+"/") {
		text = text[:at]
	}
	return text
}

// fail takes a line that is no event: of the program's error, which comes last, or of its result.
func (r *reading) fail(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rest, ok := strings.CutPrefix(text, "error: "); ok {
		r.is, text = true, rest
	}
	if r.is && r.failed.Len() < maxFailure {
		r.failed.WriteString(text + "\n")
	}
}

// forget takes back an error that the program went on after: a library's.
func (r *reading) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed.Reset()
	r.is = false
}

// follow reads the log of a pod up to its end, and again from where it was when the connection breaks; a few times
// where the pod has ended.
func (f *follower) follow(ctx context.Context, log *reading) {
	query := url.Values{"container": {"step-" + stepName}, "follow": {"true"}, "timestamps": {"true"}}
	path := "api/v1/namespaces/" + url.PathEscape(f.API.Namespace) + "/pods/" + url.PathEscape(log.pod) +
		"/log?" + query.Encode()
	for attempts := 0; attempts < maxAttempts; {
		ended := false
		select {
		case <-log.ended:
			ended = true
			attempts++
		default:
		}
		body, err := f.API.Stream(ctx, path)
		if err == nil {
			lines := bufio.NewScanner(body)
			lines.Buffer(nil, maxLine)
			for lines.Scan() {
				f.line(log, lines.Text())
			}
			err = errors.Join(lines.Err(), body.Close())
		}
		if fault.KindOf(err) == fault.Unauthorized {
			f.warn(log.component, fmt.Sprintf("the logs of pods cannot be shown: %v", err))
			return
		}
		if ended && err == nil || errors.Is(err, cluster.ErrNotFound) {
			return
		}
		if f.wait(ctx) != nil {
			return
		}
	}
}

// line takes a line of a log with its time. Those that were read before a connection broke come again.
func (f *follower) line(log *reading, text string) {
	stamp, text, _ := strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil || !at.After(log.until) {
		return
	}
	log.until = at
	event, ok := f.read(text)
	if !ok {
		log.fail(text)
		return
	}
	log.forget()
	event.Component = progress.Label(cmp.Or(event.Component, log.component), log.platform)
	if event.State == progress.Warned {
		f.warn(event.Component, event.Message)
		return
	}
	f.listener.Report(event)
}

// warn says something once for all pods of a run, which have it in common.
func (f *follower) warn(component, message string) {
	if _, told := f.warned.LoadOrStore(message, true); !told {
		f.listener.Report(progress.Event{Component: component, Stage: progress.Build, State: progress.Warned,
			Message: message})
	}
}
