package remote

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/gitconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/pack"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

const maxRedirects = 5

const (
	maxBeginning    = 16 << 20 // bytes in front of a pack: what was agreed on, and where history is cut
	maxCertificates = 16 << 20 // bytes of a bundle
	maxNetrc        = 1 << 20  // bytes
)

// httpClient returns a client that bounds answers, refuses redirects to other hosts, and honours http.proxy and
// http.sslCAInfo.
func httpClient(u giturl.URL, config *gitconfig.Config, limits Limits, seen *lastAnswer) (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = limits.Stall
	t.TLSHandshakeTimeout = 30 * time.Second
	t.DisableCompression = true // packs are compressed; a compressed answer could be a bomb
	t.MaxResponseHeaderBytes = 64 << 10
	if proxy := config.ForURL("http", "proxy", u); proxy != "" {
		p, err := url.Parse(proxy)
		if err != nil {
			return nil, errors.New("http.proxy of the git configuration is not a URL")
		}
		t.Proxy = http.ProxyURL(p)
	}
	if path := config.ForURL("http", "sslcainfo", u); path != "" {
		pem, err := regular.Read(path, maxCertificates)
		if err != nil {
			return nil, fmt.Errorf("http.sslCAInfo of the git configuration: %w", err)
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("http.sslCAInfo of the git configuration: no certificate in %q", path)
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	return &http.Client{Transport: &bounded{t, limits, seen}, CheckRedirect: checkRedirect}, nil
}

// checkRedirect follows a repository that was renamed on its host, and nothing else.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if req.URL.Host != first.Host || req.URL.Scheme != first.Scheme && req.URL.Scheme != "https" {
		return fmt.Errorf("redirect from %s to %q is refused: name that address if it is right", first.Host,
			req.URL.Scheme+"://"+req.URL.Host)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

// bounded is an http.RoundTripper whose answers have an end.
type bounded struct {
	next   http.RoundTripper
	limits Limits
	seen   *lastAnswer
}

var _ http.RoundTripper = (*bounded)(nil)

// RoundTrip sends a request and limits the body of its answer.
func (b *bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	limit := b.limits.AnswerBytes
	switch {
	case res.StatusCode < 200 || res.StatusCode > 299:
		// go-git reads such bodies whole, to put them in an error.
		res.Body = &truncated{io.LimitReader(res.Body, b.limits.ErrorBytes), res.Body}
		return res, nil
	case req.Method == http.MethodGet:
		limit = b.limits.RefBytes
	}
	res.Body = &capped{ReadCloser: res.Body, limit: limit, answer: b.seen,
		seen: b.seen.begin(req.Method == http.MethodPost)}
	return res, nil
}

type truncated struct {
	io.Reader
	io.Closer
}

// errEndless is a *pack.LimitError.
var errEndless = pack.OverLimit("the server's answer does not end")

// capped fails after so many bytes.
type capped struct {
	io.ReadCloser
	limit  int64
	read   int64
	answer *lastAnswer
	seen   func([]byte)
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.read += int64(n)
	if c.read > c.limit || c.read > maxBeginning && c.answer.beginning.Load() {
		c.answer.endless.Store(true)
		return 0, errEndless
	}
	c.seen(p[:n])
	return n, err
}

// lastAnswer remembers how the last answer began, and that it did not end, because go-git loses the server's "ERR" line
// and the cause of an error in some places.
type lastAnswer struct {
	beginning atomic.Bool // the pack that it carries has not begun
	endless   atomic.Bool

	mu   sync.Mutex
	head []byte
}

const maxHead = 512

func (l *lastAnswer) begin(pack bool) func([]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.head = nil
	l.beginning.Store(pack)
	l.endless.Store(false)
	return func(p []byte) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if room := maxHead - len(l.head); room > 0 {
			l.head = append(l.head, p[:min(room, len(p))]...)
		}
	}
}

// refusal returns the text of an ERR line at the beginning of the answer, or after the list of shallow commits.
func (l *lastAnswer) refusal() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	head := string(l.head)
	for len(head) >= 4 {
		n, err := strconv.ParseUint(head[:4], 16, 16)
		if err != nil || n > uint64(len(head)) {
			return ""
		}
		if n < 4 {
			n = 4
		}
		if text, ok := strings.CutPrefix(head[4:n], "ERR "); ok {
			return strings.TrimSpace(text)
		}
		head = head[n:]
	}
	return ""
}
