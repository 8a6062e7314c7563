package ciconfig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Resolver asks CI's config resolver, which serves the configs at the head of openshift/release over HTTP.
type Resolver struct {
	base   *url.URL
	client *http.Client
}

// resolverTimeout bounds one request.
const resolverTimeout = 30 * time.Second

// NewResolver returns a client of the config resolver at a URL such as https://config.ci.openshift.org. Plain HTTP is
// for loopback only. The client's transport is used as it is; nil means the default one.
func NewResolver(address string, transport http.RoundTripper) (*Resolver, error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, fault.Errorf(fault.Usage, "the config resolver %q is not a URL", address)
	}
	switch {
	case base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "":
		err = errors.New("must be of the form https://HOST[/PATH]")
	case base.Scheme != "https" && !(base.Scheme == "http" && loopback(base.Hostname())):
		err = errors.New("must be https")
	}
	if err != nil {
		return nil, fault.Errorf(fault.Usage, "the config resolver %q: %w", base.Redacted(), err)
	}
	client := &http.Client{Transport: transport, Timeout: resolverTimeout, CheckRedirect: sameHost}
	return &Resolver{base: base, client: client}, nil
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// sameHost refuses redirects that lead to another scheme or host.
func sameHost(request *http.Request, via []*http.Request) error {
	first := via[0].URL
	if request.URL.Scheme != first.Scheme || request.URL.Host != first.Host {
		return fmt.Errorf("it redirects to another place, %q", request.URL.Scheme+"://"+request.URL.Host)
	}
	if len(via) > 3 {
		return errors.New("it redirects in circles")
	}
	return nil
}

// Find asks for the config of the payload's branch or, where the payload names none or its branch has moved on to
// another release, for those of the branches that the release would have been built from. The first that promotes the
// component wins: most often one request is made.
func (r *Resolver) Find(ctx context.Context, query Query) (Match, error) {
	query = query.normal()
	if query.Org == "" || query.Repo == "" {
		return Match{}, fault.New(fault.Unresolved, chooseAdvice,
			fmt.Errorf("%s: the component %q: the payload names no repository for it", r.base, query.Tag))
	}
	var tried []string
	for _, m := range query.guesses() {
		config, err := r.get(ctx, m)
		if err != nil {
			return Match{}, err
		}
		tried = append(tried, "  "+m.String())
		if config == nil {
			continue
		}
		match, err := config.Select(query)
		ofBranch := query.Branch != "" && m.Branch == query.Branch
		named := query.Image != "" || query.Variant != "" || ofBranch
		if _, held := query.Stream.Holds(match.To); err != nil || !named && !held {
			continue
		}
		if ofBranch {
			match = match.ofBranch(query.Branch)
		}
		match.Origin = r.base.String()
		return match, nil
	}
	return Match{}, fault.New(fault.Unresolved, chooseAdvice, fmt.Errorf("%s: %w; asked for:\n%s",
		r.base, query.none(), strings.Join(tried, "\n")))
}

// guesses lists the configs that may promote the component, the likeliest first.
func (q Query) guesses() []Metadata {
	branches := []string{}
	if q.Ref != "" {
		branches = append(branches, q.Ref)
	}
	if version := q.Stream.Version(); version != "" {
		branches = append(branches, "release-"+version, "openshift-"+version)
	}
	branches = append(branches, "main", "master")
	variants := []string{q.Variant}
	if conventional := q.Stream.variant(); q.Variant == "" && conventional != "" {
		variants = []string{conventional, ""}
	}
	var list []Metadata
	seen := map[Metadata]bool{}
	add := func(branch, variant string) {
		if m := (Metadata{q.Org, q.Repo, branch, variant}); !seen[m] {
			seen[m] = true
			list = append(list, m)
		}
	}
	if q.Branch != "" { // which the user asked for, and which counts more than a variant
		for _, variant := range variants {
			add(q.Branch, variant)
		}
	}
	for _, variant := range variants {
		for _, branch := range branches {
			add(branch, variant)
		}
	}
	return list
}

// get asks for one config; nil where the resolver has none.
func (r *Resolver) get(ctx context.Context, m Metadata) (*Config, error) {
	address := r.base.JoinPath("config")
	values := url.Values{"org": {m.Org}, "repo": {m.Repo}, "branch": {m.Branch}}
	if m.Variant != "" {
		values.Set("variant", m.Variant)
	}
	address.RawQuery = values.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("asking the config resolver: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, fault.New(fault.Unresolved, "--release-repo takes a clone of openshift/release instead",
			fmt.Errorf("asking the config resolver: %w", err))
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, nil
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, fault.Errorf(fault.Unauthorized, "the config resolver %s answers %d", r.base, response.StatusCode)
	default:
		return nil, fault.Errorf(fault.Unresolved, "the config resolver %s answers %d", r.base, response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, MaxConfigSize+1))
	if err != nil {
		return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading the config resolver's answer: %w", err))
	}
	config, err := Parse(m.Path(), data)
	if err == nil && (config.Metadata.Org != m.Org || config.Metadata.Repo != m.Repo) {
		err = fault.Errorf(fault.Unresolved, "the config resolver %s was asked for %s and answers with %q", r.base,
			m, config.Metadata)
	}
	return config, err
}
