package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/file"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/plumbing/transport/ssh"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/gitconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

// Limits of what a server may take.
type Limits struct {
	Stall        time.Duration // without a byte
	Total        time.Duration // for one answer
	RefBytes     int64         // of the list of branches and tags
	AnswerBytes  int64         // of a pack with everything around it
	ErrorBytes   int64         // of the body of an error
	HelperAnswer time.Duration // of a credential helper, which may ask a person
}

// DefaultLimits suit large repositories on slow links.
func DefaultLimits() Limits {
	return Limits{Stall: 2 * time.Minute, Total: time.Hour, RefBytes: 256 << 20, AnswerBytes: 9 << 30,
		ErrorBytes:   16 << 10,
		HelperAnswer: 2 * time.Minute}
}

// Remote is a repository on a server.
type Remote struct {
	address  giturl.URL
	endpoint *transport.Endpoint
	client   transport.Transport
	limits   Limits
	seen     *lastAnswer
	auth     transport.AuthMethod
	logins   *logins
}

// New prepares to talk to the repository at address. Nothing is sent yet.
func New(address giturl.URL, config *gitconfig.Config, getenv func(string) string, limits Limits) (*Remote, error) {
	endpoint, err := transport.NewEndpoint(address.String())
	if err != nil {
		return nil, fmt.Errorf("git address %q: %w", address, err)
	}
	r := &Remote{address: address, endpoint: endpoint, limits: limits, seen: &lastAnswer{},
		logins: newLogins(address, config, getenv, limits)}
	switch address.Scheme {
	case "https", "http":
		client, err := httpClient(address, config, limits, r.seen)
		if err != nil {
			return nil, fmt.Errorf("git address %q: %w", address, err)
		}
		r.client = githttp.NewClientWithOptions(client,
			&githttp.ClientOptions{RedirectPolicy: githttp.FollowInitialRedirects})
	case "ssh":
		r.client = ssh.NewClient(nil)
	case "file":
		r.client = file.NewClient("git-upload-pack", "")
	default:
		return nil, fmt.Errorf("git address %q: scheme %q is not supported", address, address.Scheme)
	}
	return r, nil
}

// Stateless tells whether requests do not depend on each other, so that one can be sent without asking for the refs
// first.
func (r *Remote) Stateless() bool { return r.address.Scheme == "https" || r.address.Scheme == "http" }

// session runs f with a session, and again with the next credentials while the server asks for other ones.
func (r *Remote) session(ctx context.Context, f func(transport.UploadPackSession) error) error {
	for {
		err := r.try(f)
		if err == nil || !wantsLogin(err) || ctx.Err() != nil {
			return r.explain(err)
		}
		next, loginErr := r.logins.next(ctx)
		if loginErr != nil {
			return fault.New(fault.Unauthorized, "", fmt.Errorf("%s wants credentials: %w", r.address, loginErr))
		}
		if next == nil {
			return r.explain(err)
		}
		r.auth = next
	}
}

// try runs f once. Malformed answers have made go-git panic before; that must not end the program.
func (r *Remote) try(f func(transport.UploadPackSession) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decoding the answer of %s: %v", r.address, p)
		}
	}()
	if r.address.Scheme == "ssh" && r.auth == nil {
		if r.auth, err = r.logins.ssh(r.endpoint.User); err != nil {
			return fault.New(fault.Unauthorized, "start an ssh agent that has your key, or use the https address", err)
		}
	}
	session, err := r.client.NewUploadPackSession(r.endpoint, r.auth)
	if err != nil {
		return err
	}
	return f(session)
}

func wantsLogin(err error) bool {
	return errors.Is(err, transport.ErrAuthenticationRequired) || errors.Is(err, transport.ErrAuthorizationFailed)
}

// explain gives an error its class, the address, and advice. What a server wrote is quoted.
func (r *Remote) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case wantsLogin(err) || strings.Contains(err.Error(), "ssh: unable to authenticate"):
		advice := "check the address; if the repository is private, set up a git credential helper, .netrc, or GITHUB_TOKEN for github.com"
		if r.auth != nil {
			advice = "check that these credentials may read the repository"
		}
		return fault.New(fault.Unauthorized, advice, fmt.Errorf("%s refuses access%s", r.address, r.logins.tried()))
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fault.New(fault.Unresolved, "check the address",
			fmt.Errorf("no git repository at %s: %w", r.address, transport.ErrRepositoryNotFound))
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return fault.New(fault.Unresolved, "", fmt.Errorf("the git repository at %s is empty", r.address))
	}
	if r.seen.endless.Load() {
		return fmt.Errorf("talking to %s: %w", r.address, errEndless)
	}
	if said := r.seen.refusal(); said != "" {
		return &Refused{Address: r.address, Said: said}
	}
	return fmt.Errorf("talking to %s: %w", r.address, printable(err))
}

// Refused is the answer of a server that understood what it was asked for and does not give it.
type Refused struct {
	Address giturl.URL
	Said    string
}

// Error quotes what the server said.
func (e *Refused) Error() string { return fmt.Sprintf("%s refuses: %q", e.Address, e.Said) }

// printable keeps control characters that a server sent away from the terminal.
func printable(err error) error {
	clean := func(c rune) bool { return c < 0x20 || c >= 0x7f && c < 0xa0 }
	if strings.IndexFunc(err.Error(), clean) < 0 {
		return err
	}
	return &quoted{err}
}

type quoted struct{ err error }

func (q *quoted) Error() string { return fmt.Sprintf("%q", q.err.Error()) }
func (q *quoted) Unwrap() error { return q.err }
