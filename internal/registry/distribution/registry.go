package distribution

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// maxRedirects is how often a request may be sent on, as in net/http.
const maxRedirects = 10

// Registry is a registry as it is reached over HTTP. It is safe for concurrent use. Whether it speaks TLS, and which
// credentials it wants, it learns from the answers to ordinary requests: there is no request only for that.
type Registry struct {
	host    string
	schemes []string // tried in this order until one is answered
	client  *http.Client
	first   *First // of the requests: those beside it wait for what its answer says
	write   *First // of those that write: reading may take no credentials where writing does

	mu        sync.Mutex
	scheme    string // "" until there was an answer
	challenge *challenge
}

// NewRegistry returns the registry at host, with its port where that is not the usual one. With plain set it may
// speak plain http, if it does not answer https.
func NewRegistry(host string, plain bool, transport http.RoundTripper) *Registry {
	r := &Registry{host: host, schemes: []string{"https"}, first: NewFirst(), write: NewFirst()}
	if plain {
		r.schemes = append(r.schemes, "http")
	}
	r.client = &http.Client{Transport: transport, CheckRedirect: stripCredentials}
	return r
}

// Close ends connections that are not in use.
func (r *Registry) Close() { r.client.CloseIdleConnections() }

// stripCredentials lets a request be sent on, without its credentials where that leads to another scheme, host or
// port. net/http itself looks at the host's name only.
func stripCredentials(request *http.Request, before []*http.Request) error {
	if len(before) >= maxRedirects {
		return fmt.Errorf("stopped after %d redirects", maxRedirects)
	}
	if !sameOrigin(request.URL, before[0].URL) {
		request.Header.Del("Authorization")
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && address(a) == address(b) }

// address returns the host and the port of a URL.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = u.Scheme // its name is as good as its number
	} else if port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		port = u.Scheme
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// request is a request that can be sent more than once.
type request struct {
	method string
	url    *url.URL // without a host: at the registry
	header map[string]string
	open   func() (io.ReadCloser, error) // its content from the beginning; nil = none
	size   int64                         // of the content, in bytes; -1 = unknown
	from   string                        // the repository that a blob is mounted from; "" = none
	final  bool                          // an answer of 401 is final: no other credentials are looked for
}

// do sends a request. The credentials in authorization go to the registry only.
func (r *Registry) do(ctx context.Context, q request, authorization string) (*http.Response, error) {
	if q.url.Host != "" {
		return r.once(ctx, q, *q.url, authorization)
	}
	var failures []error
	for _, scheme := range r.candidates() {
		u := *q.url
		u.Scheme, u.Host = scheme, r.host
		answer, err := r.once(ctx, q, u, authorization)
		if err == nil {
			r.mu.Lock()
			r.scheme = scheme
			r.mu.Unlock()
			return answer, nil
		}
		if failures = append(failures, err); ctx.Err() != nil {
			break
		}
	}
	if len(failures) == 2 {
		return nil, fmt.Errorf("%w; and over plain http: %w", failures[0], failures[1])
	}
	return nil, failures[0]
}

func (r *Registry) candidates() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.scheme != "" {
		return []string{r.scheme}
	}
	return r.schemes
}

func (r *Registry) once(ctx context.Context, q request, u url.URL, authorization string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, q.method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", userAgent)
	for name, value := range q.header {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	if authorization != "" && r.owns(request.URL) {
		request.Header.Set("Authorization", authorization)
	}
	if q.open != nil {
		if request.Body, err = q.open(); err != nil {
			return nil, err
		}
		request.GetBody, request.ContentLength = q.open, q.size
	}
	answer, err := r.client.Do(request)
	return answer, withoutQuery(err)
}

// userAgent is what requests say they come from.
const userAgent = "oc-rebuild"

// owns tells whether a URL leads to the registry, over the scheme that it answers on.
func (r *Registry) owns(u *url.URL) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return (r.scheme == "" || r.scheme == u.Scheme) && address(u) == address(&url.URL{Scheme: u.Scheme, Host: r.host})
}

// withoutQuery shortens an error of net/http. The query of an address that a registry names for an upload may be all
// that it takes to write there, which is nobody else's business.
func withoutQuery(err error) error {
	var failed *url.Error
	if !errors.As(err, &failed) {
		return err
	}
	place := "an address"
	if u, err := url.Parse(failed.URL); err == nil {
		u.RawQuery, u.User = "", nil
		place = u.String()
	}
	return fmt.Errorf("%s %q: %w", strings.ToUpper(failed.Op), place, failed.Err)
}

// begin waits where a request has to wait for the first of its kind. The function that it returns ends the turn, see
// First.
func (r *Registry) begin(ctx context.Context, method string) (func(learned bool), error) {
	end, err := r.first.Begin(ctx)
	if err != nil || method == http.MethodHead || method == http.MethodGet {
		return end, err
	}
	endWrite, err := r.write.Begin(ctx)
	if err != nil {
		end(false)
		return nil, err
	}
	return func(learned bool) {
		endWrite(learned)
		end(learned)
	}, nil
}

func (r *Registry) wants() *challenge {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.challenge
}

func (r *Registry) learn(c *challenge) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.challenge = c
}
