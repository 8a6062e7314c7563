package registry

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/docker/distribution/registry/api/errcode"
	"go.podman.io/image/v5/docker"
)

// maxDelay bounds the pause between two attempts.
const maxDelay = 30 * time.Second

// retry runs an operation that is safe to repeat until it succeeds, fails for good, or has failed as often as the options allow. On 429
// image/v5 itself waits as long as Retry-After says, at most a minute, and tries again a few times, so what is left here are server errors and
// broken connections.
func (c *Client) retry(ctx context.Context, operation func() error) error {
	return c.retryIf(ctx, isTransient, operation)
}

// retryUpload is retry for requests with a body, which image/v5 does not repeat on 429.
func (c *Client) retryUpload(ctx context.Context, operation func() error) error {
	return c.retryIf(ctx, func(err error) bool { return isTransient(err) || isThrottled(err) }, operation)
}

func (c *Client) retryIf(ctx context.Context, again func(error) bool, operation func() error) error {
	delay := c.options.Delay
	for attempt := 1; ; attempt++ {
		err := operation()
		if err == nil || attempt >= c.options.Attempts || !again(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(delay):
		}
		delay = min(2*delay, maxDelay)
	}
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
		return code == errcode.ErrorCodeUnavailable
	}
	for _, target := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE} {
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
