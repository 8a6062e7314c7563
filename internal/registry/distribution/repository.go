package distribution

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"
)

// maxManifest is the largest manifest that is read, in bytes.
const maxManifest = 4 << 20

// Login returns the credentials for a repository: the zero value is none.
type Login func(ctx context.Context) (types.DockerAuthConfig, error)

// Repository is a repository of a registry. It is safe for concurrent use.
type Repository struct {
	registry *Registry
	path     string
	actions  string // that tokens must allow
	login    Login

	asking chan struct{}    // held while a token is asked for
	tokens map[string]token // by scopes
}

// Repository returns the repository with a path, to write to. login is asked when the registry wants credentials for
// it.
func (r *Registry) Repository(path string, login Login) *Repository {
	return &Repository{registry: r, path: path, actions: "pull,push", login: login, asking: make(chan struct{}, 1),
		tokens: map[string]token{}}
}

// Reader is Repository for one that is only read from.
func (r *Registry) Reader(path string, login Login) *Repository {
	repository := r.Repository(path, login)
	repository.actions = "pull"
	return repository
}

// Has tells whether the repository has a blob.
func (r *Repository) Has(ctx context.Context, blob digest.Digest) (bool, error) {
	answer, err := r.send(ctx, request{method: http.MethodHead, url: r.at("blobs", blob.String())})
	if err != nil {
		return false, err
	}
	switch answer.StatusCode {
	case http.StatusOK:
		_, _ = end(answer)
		return true, nil
	case http.StatusNotFound:
		_, _ = end(answer)
		return false, nil
	}
	return false, r.registry.refusal(answer)
}

// Mount makes a blob of another repository of the registry one of this repository. Where the registry cannot, or does
// not want to, it returns the upload that the registry begins instead.
func (r *Repository) Mount(ctx context.Context, blob digest.Digest, from string) (*Session, error) {
	u := r.at("blobs", "uploads/")
	u.RawQuery = url.Values{"mount": {blob.String()}, "from": {from}}.Encode()
	answer, err := r.send(ctx, request{method: http.MethodPost, url: u, from: from})
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusCreated {
		_, _ = end(answer)
		return nil, checkDigest(answer, blob)
	}
	return r.session(answer)
}

// Begin begins an upload.
func (r *Repository) Begin(ctx context.Context) (*Session, error) {
	answer, err := r.send(ctx, request{method: http.MethodPost, url: r.at("blobs", "uploads/")})
	if err != nil {
		return nil, err
	}
	return r.session(answer)
}

// PutManifest writes a manifest, or a manifest list, under a tag or under its digest.
func (r *Repository) PutManifest(ctx context.Context, name string, data []byte, sum digest.Digest) error {
	answer, err := r.send(ctx, request{method: http.MethodPut, url: r.at("manifests", name), size: int64(len(data)),
		header: map[string]string{"Content-Type": manifest.GuessMIMEType(data)},
		open:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }})
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return r.registry.refusal(answer)
	}
	_, _ = end(answer)
	return checkDigest(answer, sum)
}

// Resolve returns the digest of the manifest that a tag, or a digest, names. An Error with the status 404 says that
// there is none.
func (r *Repository) Resolve(ctx context.Context, name string) (digest.Digest, error) {
	answer, err := r.send(ctx, r.manifestRequest(http.MethodHead, name))
	if err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK {
		return "", r.registry.refusal(answer)
	}
	_, _ = end(answer)
	if text := answer.Header.Get(contentDigest); text != "" {
		return digest.Parse(text)
	}
	got, err := r.Manifest(ctx, name) // the header is an option
	if err != nil {
		return "", err
	}
	return manifest.Digest(got.Data)
}

// Limits on lists of tags.
const (
	maxPages = 1000     // that are read
	maxTags  = 64 << 20 // bytes of all tags together
)

// Tags lists tags of the repository: the first of them, where there are many.
func (r *Repository) Tags(ctx context.Context) ([]string, error) {
	tags, _, err := r.tags(ctx, "")
	return tags, err
}

// AllTags lists all tags of the repository.
func (r *Repository) AllTags(ctx context.Context) (all []string, err error) {
	query, size := "", 0
	for range maxPages {
		tags, next, err := r.tags(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, tag := range tags {
			size += len(tag)
		}
		if all = append(all, tags...); next == "" || len(tags) == 0 {
			return all, nil
		}
		if next == query || size > maxTags {
			return nil, fmt.Errorf("%s has a list of tags without end", r.path)
		}
		query = next
	}
	return nil, fmt.Errorf("%s has tags on more than %d pages", r.path, maxPages)
}

// tags reads a page of tags. next is the query that asks for the one after it, "" = there is none (distribution
// specification, "Listing Tags").
func (r *Repository) tags(ctx context.Context, query string) (tags []string, next string, err error) {
	u := r.at("tags", "list")
	u.RawQuery = query
	answer, err := r.send(ctx, request{method: http.MethodGet, url: u})
	if err != nil {
		return nil, "", err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, "", r.registry.refusal(answer)
	}
	defer answer.Body.Close()
	data, err := limited(answer, maxManifest)
	if err != nil {
		return nil, "", fmt.Errorf("reading the tags: %w", err)
	}
	var list struct {
		Tags []string `json:"tags"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, "", fmt.Errorf("reading the tags: %w", err)
	}
	// Only the query counts: where to ask is known.
	target, rest, _ := strings.Cut(strings.TrimPrefix(answer.Header.Get("Link"), "<"), ">")
	if link, err := url.Parse(target); err == nil && strings.Contains(rest, `rel="next"`) {
		next = link.RawQuery
	}
	return list.Tags, next, nil
}

// Deleting is Repository with tokens that allow to delete as well.
func (r *Repository) Deleting() *Repository {
	deleting := r.registry.Repository(r.path, r.login)
	deleting.actions += ",delete"
	return deleting
}

// Untag removes a tag. That there is none is no error.
func (r *Repository) Untag(ctx context.Context, tag string) error {
	answer, err := r.send(ctx, request{method: http.MethodDelete, url: r.at("manifests", tag)})
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 && answer.StatusCode != http.StatusNotFound {
		return r.registry.refusal(answer)
	}
	_, _ = end(answer)
	return nil
}

// contentDigest is the header in which a registry may say what it has stored.
const contentDigest = "Docker-Content-Digest"

// checkDigest fails where a registry says that it stored something else than it was given.
func checkDigest(answer *http.Response, want digest.Digest) error {
	if got := answer.Header.Get(contentDigest); got != "" && got != want.String() {
		return fmt.Errorf("%s answers with digest %q where %s was sent", answer.Request.URL.Host, got, want)
	}
	return nil
}

func (r *Repository) at(parts ...string) *url.URL {
	return &url.URL{Path: "/v2/" + r.path + "/" + strings.Join(parts, "/")}
}

// send sends a request with the credentials that the registry is known to want. Where it wants others, because it never
// said so or because a token has ended, the request is sent once more with those.
func (r *Repository) send(ctx context.Context, q request) (answer *http.Response, err error) {
	done, err := r.registry.begin(ctx, q.method)
	if err != nil {
		return nil, err
	}
	defer func() { done(err == nil) }()
	sent, err := r.authorization(ctx, q.from, "")
	if err != nil {
		return nil, err
	}
	answer, err = r.registry.do(ctx, q, sent)
	if err != nil || answer.StatusCode != http.StatusUnauthorized || q.final || !r.registry.owns(answer.Request.URL) {
		return answer, err
	}
	wanted := challengeOf(answer.Header)
	if wanted == nil {
		return answer, nil
	}
	r.registry.learn(wanted)
	better, err := r.authorization(ctx, q.from, sent)
	if err == nil && (better == "" || better == sent) {
		return answer, nil
	}
	_, _ = end(answer)
	if err != nil {
		return nil, err
	}
	return r.registry.do(ctx, q, better)
}
