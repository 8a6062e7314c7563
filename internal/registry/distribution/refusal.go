package distribution

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/docker/distribution/registry/api/errcode"
)

const (
	// maxAnswer is how much is read of an answer that is no content, in bytes.
	maxAnswer = 64 << 10
	// patience is how long the rest of such an answer may take, once its header is there.
	patience = 10 * time.Second
	// sample is how much of what an answer says is shown, in bytes.
	sample = 200
)

// Error is an answer that is not what was asked for.
type Error struct {
	Host   string         // who answered
	Status int            // of HTTP
	Errors errcode.Errors // what the answer says, where it says it as a registry does
	Text   string         // the beginning of any other answer
	After  time.Duration  // how long it says to wait before the next request; 0 = nothing
	// neither the registry answered nor its token service, but another place that it sent an upload to
	Elsewhere bool
}

// Error says who answered what.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s answers %d %s", e.Host, e.Status, http.StatusText(e.Status))
	switch {
	case len(e.Errors) > 0:
		said := e.Errors[0].Error()
		return text + ": " + said[:min(len(said), sample)]
	case e.Text != "":
		return fmt.Sprintf("%s: %q", text, e.Text)
	}
	return text
}

// Unwrap gives access to the registry's error codes.
func (e *Error) Unwrap() error {
	if len(e.Errors) == 0 {
		return nil
	}
	return e.Errors
}

// refusal makes an Error of an answer, and ends it.
func (r *Registry) refusal(answer *http.Response) error {
	e := &Error{Host: answer.Request.URL.Host, Status: answer.StatusCode,
		After:     retryAfter(answer.Header.Get("Retry-After"), time.Now()),
		Elsewhere: !r.owns(answer.Request.URL)}
	data, _ := end(answer) // what can be read of it is enough
	var errors errcode.Errors
	if json.Unmarshal(data, &errors) == nil && len(errors) > 0 {
		e.Errors = errors
	} else {
		e.Text = string(data[:min(len(data), sample)])
	}
	return e
}

// end reads the rest of an answer, so that its connection can be used again, but not more than a little of it and not
// for long.
func end(answer *http.Response) ([]byte, error) {
	defer answer.Body.Close()
	timer := time.AfterFunc(patience, func() { answer.Body.Close() })
	defer timer.Stop()
	return limited(answer, maxAnswer)
}

// retryAfter reads a Retry-After header: seconds, or a date. What is neither counts as none.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return max(0, time.Duration(min(seconds, 1<<31))*time.Second)
	}
	if date, err := http.ParseTime(value); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}
