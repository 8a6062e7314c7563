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
	maxDelay = 30 * time.Second
	// maxPause is the longest pause that a registry is given when it asks for one: a run that would wait longer fails at once, and says so.
	maxPause = 2 * time.Minute
)

// retry runs an operation that is safe to repeat until it succeeds, fails for good, or has failed as often as the options allow. On 429
// image/v5 itself waits as long as Retry-After says, at most a minute, and tries again a few times, so what is left here are server errors and
// broken connections.
func (c *Client) retry(ctx context.Context, operation func() error) error {
	return c.retryIf(ctx, isTransient, operation)
}

// retryWrite is retry for the client's own requests, and for those with a body, which image/v5 does not repeat on 429.
func (c *Client) retryWrite(ctx context.Context, operation func() error) error {
	return c.retryIf(ctx, func(err error) bool { return isTransient(err) || isThrottled(err) }, operation)
}

func (c *Client) retryIf(ctx context.Context, again func(error) bool, operation func() error) error {
	delay := c.options.Delay
	for attempt := 1; ; attempt++ {
		err := operation()
		if err == nil || attempt >= c.options.Attempts || !again(err) || ctx.Err() != nil {
			return err
		}
		pause := max(delay, wanted(err))
		if pause > maxPause {
			return fmt.Errorf("the registry asks to wait for %s: %w", pause.Round(time.Second), err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		delay = min(2*delay, maxDelay)
	}
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
	if errors.Is(err, errTampered) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if httpStatus(err) >= 500 {
		return true
	}
	if code, ok := errorCode(err); ok {
		return code == errcode.ErrorCodeUnavailable || code == v2.ErrorCodeBlobUploadUnknown // a session that the registry forgot: another may do
	}
	for _, target := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE, net.ErrClosed} {
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
	return errors.Is(err, docker.ErrTooManyRequests) || ok && code == errcode.ErrorCodeTooManyRequests || httpStatus(err) == http.StatusTooManyRequests
}
