package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/docker/distribution/registry/api/errcode"
	v2 "github.com/docker/distribution/registry/api/v2"
	"go.podman.io/image/v5/docker"

	"github.com/oc-rebuild/oc-rebuild/internal/registry/distribution"
)

const (
	// maxDelay bounds the pause between two attempts where the registry does not ask for one.
	maxDelay = 10 * time.Second
	// maxPause is the longest pause that a registry is given when it asks for one: a run that would wait longer fails
	// at once, and says so.
	maxPause = 2 * time.Minute
	// nonsense is what no registry means when it asks for a pause: it counts as none.
	nonsense = time.Hour
	// fewAttempts is how often a request is made that was answered with the wrong content, or not at all. The one is
	// seldom better the next time, the other takes long.
	fewAttempts = 4
)

// retry runs an operation that is safe to repeat until it succeeds, fails for good, or has failed as often as the
// options allow. What has been tried often enough is not tried again by a retry around it.
func (c *Client) retry(ctx context.Context, operation func() error) error {
	delay := c.options.Delay
	few := 0
	for attempt := 1; ; attempt++ {
		err := operation()
		if isFew(err) {
			few++
		}
		if err == nil || ctx.Err() != nil || !isTransient(err) {
			return err
		}
		pause := wanted(err)
		last := attempt >= c.options.Attempts || few >= fewAttempts
		if pause > maxPause && (last || pause < nonsense) {
			err, last = fmt.Errorf("the registry asks to wait for %s: %w", pause.Round(time.Second), err), true
		}
		if last {
			return &exhaustedError{err}
		}
		if pause >= nonsense || pause < delay {
			pause = delay
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
		delay = min(2*delay, maxDelay)
	}
}

// exhaustedError is a failure that was tried again in vain.
type exhaustedError struct{ error }

// Unwrap gives access to the failure.
func (e *exhaustedError) Unwrap() error { return e.error }

// isFew tells whether a failure is worth only a few more attempts.
func isFew(err error) bool {
	var silent *silentError
	return errors.Is(err, ErrTampered) || errors.As(err, &silent)
}

// wanted returns the pause that a registry asks for, 0 for none.
func wanted(err error) time.Duration {
	var answer *distribution.Error
	if errors.As(err, &answer) {
		return answer.After
	}
	return 0
}

// isTransient tells whether the same request may well succeed later.
func isTransient(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var exhausted *exhaustedError
	if errors.As(err, &exhausted) {
		return false
	}
	if errors.Is(err, ErrTampered) || httpStatus(err) >= 500 || isThrottled(err) {
		return true
	}
	if code, ok := errorCode(err); ok {
		// a session that the registry forgot: another may do
		return code == errcode.ErrorCodeUnavailable || code == v2.ErrorCodeBlobUploadUnknown
	}
	for _, target := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.ECONNABORTED,
		syscall.EPIPE, net.ErrClosed} {
		if errors.Is(err, target) {
			return true
		}
	}
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// isThrottled tells whether a registry wants fewer requests.
func isThrottled(err error) bool {
	code, ok := errorCode(err)
	return errors.Is(err, docker.ErrTooManyRequests) || ok && code == errcode.ErrorCodeTooManyRequests ||
		httpStatus(err) == http.StatusTooManyRequests
}
