// Package cluster reads and writes objects of the cluster in a kubeconfig, as JSON. The few kinds that a payload has
// to do with need no typed clients, which would bring all of Kubernetes' API with them.
package cluster

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// maxObject is the largest answer that is read, in bytes.
const maxObject = 32 << 20

const (
	// patience is how long a server that has answered before may not answer: as long as one takes to start again.
	patience = 30 * time.Second
	// pause is the time between two attempts.
	pause = time.Second
)

// The errors by which callers go on.
var (
	ErrNotFound = errors.New("there is no such object")
	ErrExists   = errors.New("the object is there already, or was changed meanwhile")
)

// ErrNoKubeconfig is returned where nothing says which cluster is meant.
var ErrNoKubeconfig = errors.New("there is no kubeconfig")

// Cluster is an API server, with the credentials of a kubeconfig context.
type Cluster struct {
	Host      string
	Namespace string        // of the context
	Silence   time.Duration // how long a request may take; 0 = a minute
	config    *rest.Config
	answered  atomic.Bool
}

// Connect takes a context of a kubeconfig; "" is the current one, and the file that kubectl takes. Nothing is sent yet.
func Connect(kubeconfig, name string) (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules,
		&clientcmd.ConfigOverrides{CurrentContext: name})
	config, err := loader.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, fault.New(fault.Usage, "", ErrNoKubeconfig)
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "", fmt.Errorf("reading the kubeconfig: %w", err))
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, fault.New(fault.Usage, "", fmt.Errorf("reading the kubeconfig: %w", err))
	}
	return &Cluster{Host: config.Host, Namespace: namespace, config: config}, nil
}

// Get reads an object at a path below the server's address.
func (c *Cluster) Get(ctx context.Context, path string, object any) error {
	return c.do(ctx, http.MethodGet, path, nil, object)
}

// Create makes an object in the collection at a path. One that is there is ErrExists. answer is what the cluster made
// of the object; it may be nil.
func (c *Cluster) Create(ctx context.Context, path string, object []byte, answer any) error {
	return c.do(ctx, http.MethodPost, path, object, answer)
}

// Replace puts an object in the place of the one at a path. An answer that is lost on its way is ErrExists, as the
// object has been changed: whoever reads it again finds what was put there.
func (c *Cluster) Replace(ctx context.Context, path string, object []byte) error {
	return c.do(ctx, http.MethodPut, path, object, nil)
}

// Merge changes fields of the object at a path: a JSON merge patch (RFC 7396).
func (c *Cluster) Merge(ctx context.Context, path string, patch []byte) error {
	return c.do(ctx, http.MethodPatch, path, patch, nil)
}

// Action is something that a user may do to an object.
type Action struct {
	Verb      string `json:"verb"`
	Group     string `json:"group"`
	Resource  string `json:"resource"` // such as deployments
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// Allows asks the cluster whether its user may do something.
func (c *Cluster) Allows(ctx context.Context, action Action) (bool, error) {
	var review struct {
		Kind       string `json:"kind"`
		APIVersion string `json:"apiVersion"`
		Spec       struct {
			Attributes Action `json:"resourceAttributes"`
		} `json:"spec"`
		Status struct {
			Allowed bool `json:"allowed"`
		} `json:"status"`
	}
	review.Kind, review.APIVersion = "SelfSubjectAccessReview", "authorization.k8s.io/v1"
	review.Spec.Attributes = action
	body, err := json.Marshal(review)
	if err != nil {
		return false, fmt.Errorf("asking what is allowed: %w", err)
	}
	err = c.Create(ctx, "apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body, &review)
	return review.Status.Allowed, err
}

// User returns the name of the cluster's user; "" where the cluster does not say.
func (c *Cluster) User(ctx context.Context) string {
	var review struct {
		Status struct {
			UserInfo struct {
				Username string `json:"username"`
			} `json:"userInfo"`
		} `json:"status"`
	}
	body := []byte(`{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}`)
	if c.Create(ctx, "apis/authentication.k8s.io/v1/selfsubjectreviews", body, &review) == nil {
		return review.Status.UserInfo.Username
	}
	var user struct { // OpenShift before 4.15
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	_ = c.Get(ctx, "apis/user.openshift.io/v1/users/~", &user)
	return user.Metadata.Name
}

// Token returns the token with which the cluster's user is known, wherever the kubeconfig has it from; "" where the
// user has a certificate. It is a secret.
func (c *Cluster) Token(ctx context.Context) (string, error) {
	var sent string
	wrapped, err := rest.HTTPWrappersForConfig(c.config, sender(func(request *http.Request) (*http.Response, error) {
		sent = request.Header.Get("Authorization")
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
	}))
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Host, nil)
	if err != nil {
		return "", err
	}
	response, err := wrapped.RoundTrip(request)
	if err != nil {
		return "", err
	}
	token, ok := strings.CutPrefix(sent, "Bearer ")
	if !ok { // a password
		token = ""
	}
	return token, response.Body.Close()
}

// sender is a http.RoundTripper that is a function.
type sender func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (s sender) RoundTrip(request *http.Request) (*http.Response, error) { return s(request) }

// do asks until there is an answer. A server that never answered is not asked again: its address may be wrong.
func (c *Cluster) do(ctx context.Context, method, path string, body []byte, answer any) error {
	var err error
	for end := time.Now().Add(patience); ; {
		err = c.ask(ctx, method, path, body, answer)
		if !isAway(err) {
			c.answered.Store(true)
			break
		}
		if !c.answered.Load() || time.Now().After(end) {
			break
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	kind := fault.KindOf(err)
	if kind == fault.Other {
		kind = fault.Unresolved
	}
	return fault.New(kind, "", fmt.Errorf("cluster %s: %s: %w", c.Host, path, err))
}

func (c *Cluster) ask(ctx context.Context, method, path string, body []byte, answer any) error {
	within, cancel := context.WithTimeoutCause(ctx, c.silence(), errSilent)
	defer cancel()
	data, err := c.answer(within, method, path, body)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(within), errSilent) {
		return &busyError{fmt.Sprintf("nothing within %s", c.silence())}
	}
	if err != nil {
		return err
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return nil
}

// errSilent ends a request that takes too long.
var errSilent = errors.New("the cluster does not answer")

// silence is how long a request may take.
func (c *Cluster) silence() time.Duration { return cmp.Or(c.Silence, time.Minute) }

// answer sends a request and reads the answer.
func (c *Cluster) answer(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	response, err := c.send(ctx, method, path, body, "application/json")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxObject))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return data, nil
}

// send sends a request and returns the answer, unless that is a refusal. Close its body.
func (c *Cluster) send(ctx context.Context, method, path string, body []byte, accept string) (*http.Response, error) {
	client, err := rest.HTTPClientFor(c.config)
	if err != nil {
		return nil, err
	}
	base, _, err := rest.DefaultServerUrlFor(c.config)
	if err != nil {
		return nil, err
	}
	path, query, _ := strings.Cut(path, "?")
	address := base.JoinPath(path)
	address.RawQuery = query
	request, err := http.NewRequestWithContext(ctx, method, address.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accept)
	if body != nil {
		request.Header.Set("Content-Type", map[bool]string{true: "application/merge-patch+json",
			false: "application/json"}[method == http.MethodPatch])
	}
	response, err := client.Do(request)
	if err != nil || response.StatusCode/100 == 2 {
		return response, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxObject))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return nil, refusal(response.StatusCode, response.Status, data)
}

// Stream reads what the server has at a path while it goes on to send, such as the log of a pod. Close it. It is asked
// for once: whoever reads knows from where to go on.
func (c *Cluster) Stream(ctx context.Context, path string) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(c.silence(), func() { cancel(errSilent) })
	response, err := c.send(ctx, http.MethodGet, path, nil, "*/*")
	if !timer.Stop() && err == nil { // it came too late
		err = errors.Join(errSilent, response.Body.Close())
	}
	if err != nil {
		cancel(err)
		return nil, err
	}
	return stream{response.Body, cancel}, nil
}

// stream is an answer that goes on.
type stream struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

// Close implements io.Closer.
func (s stream) Close() error {
	s.cancel(nil)
	return s.ReadCloser.Close()
}

// isAway tells whether a failure is that of an API server that stops, starts, or cannot reach its etcd.
func isAway(err error) bool {
	var busy *busyError
	var slow net.Error
	return errors.As(err, &busy) || errors.As(err, &slow) && slow.Timeout() &&
		!errors.Is(err, context.DeadlineExceeded) || utilnet.IsConnectionRefused(err) ||
		utilnet.IsConnectionReset(err) ||
		utilnet.IsProbableEOF(err) || errors.Is(err, io.ErrUnexpectedEOF) || utilnet.IsHTTP2ConnectionLost(err)
}

// busyError is the answer of a server that cannot answer now.
type busyError struct{ text string }

// Error implements error.
func (e *busyError) Error() string { return "the cluster answers " + e.text }

// refusal is the error for an answer that is none, with what the server says about it.
func refusal(code int, status string, data []byte) error {
	var said struct {
		Message string `json:"message"`
	}
	text := status
	if json.Unmarshal(data, &said) == nil && said.Message != "" {
		text = said.Message
	}
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.Errorf(fault.Unauthorized, "the cluster refuses: %s", text)
	case http.StatusNotFound:
		return fmt.Errorf("%w: %s", ErrNotFound, text)
	case http.StatusConflict:
		return fmt.Errorf("%w: %s", ErrExists, text)
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &busyError{text}
	}
	return fmt.Errorf("the cluster answers %s", text)
}

// Release is a payload as a cluster names it.
type Release struct {
	Version string `json:"version"`
	Image   string `json:"image"` // pull spec
}

// Releases returns the payload that the cluster runs, or is on its way to, and those that it ran before.
func (c *Cluster) Releases(ctx context.Context) (desired Release, history []Release, err error) {
	var version struct {
		Status struct {
			Desired Release   `json:"desired"`
			History []Release `json:"history"`
		} `json:"status"`
	}
	err = c.Get(ctx, "apis/config.openshift.io/v1/clusterversions/version", &version)
	if err == nil && version.Status.Desired.Image == "" {
		err = fault.Errorf(fault.Unresolved, "cluster %s: its cluster version names no release", c.Host)
	}
	return version.Status.Desired, version.Status.History, err
}
