package distribution

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.podman.io/image/v5/types"
)

const (
	// shortest is how long a token lasts at least; the distribution specification says so of tokens that do not say it
	// themselves.
	shortest = 60 * time.Second
	// longest bounds what is believed about it.
	longest = 24 * time.Hour
	// margin is how long before its end a token is replaced.
	margin = 10 * time.Second
)

type token struct {
	text string
	ends time.Time
}

// authorization returns the Authorization header for a request, "" for none. refused is the one that the registry did
// not accept just now.
func (r *Repository) authorization(ctx context.Context, from, refused string) (string, error) {
	c := r.registry.wants()
	if c == nil {
		return "", nil
	}
	login, err := r.login(ctx)
	if err != nil {
		return "", fmt.Errorf("looking up credentials: %w", err)
	}
	if c.scheme == "bearer" {
		return r.bearer(ctx, c, login, r.scopes(from), refused)
	}
	if login.Username == "" {
		return "", nil
	}
	return basic(login), nil
}

func basic(login types.DockerAuthConfig) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(login.Username+":"+login.Password))
}

// scopes lists what a token must allow: the repository's actions, and to read where a blob is mounted from.
func (r *Repository) scopes(from string) []string {
	scopes := []string{"repository:" + r.path + ":" + r.actions}
	if from != "" {
		scopes = append(scopes, "repository:"+from+":pull")
	}
	return scopes
}

// bearer returns a token for the scopes, the one that it has where that is good for a while. Only one is asked for at a
// time, so that requests side by side share it.
func (r *Repository) bearer(ctx context.Context, c *challenge, login types.DockerAuthConfig, scopes []string,
	refused string) (string, error) {
	select {
	case r.asking <- struct{}{}:
		defer func() { <-r.asking }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	key := strings.Join(scopes, " ")
	if t, ok := r.tokens[key]; ok && "Bearer "+t.text != refused && time.Now().Before(t.ends.Add(-margin)) {
		return "Bearer " + t.text, nil
	}
	t, err := r.token(ctx, c, login, scopes)
	if err != nil {
		return "", err
	}
	r.tokens[key] = t
	return "Bearer " + t.text, nil
}

// token asks the registry's token service. A registry that is reached over TLS may name only one that is, too.
func (r *Repository) token(ctx context.Context, c *challenge, login types.DockerAuthConfig,
	scopes []string) (token, error) {
	realm, err := url.Parse(c.realm)
	if err != nil || realm.Host == "" {
		return token{}, fmt.Errorf("the registry names the token service %q, which is not an address", c.realm)
	}
	if scheme := r.registry.candidates()[0]; realm.Scheme != "https" && realm.Scheme != scheme {
		return token{},
			fmt.Errorf("a request to %q without TLS is refused: the registry sends there for a token", realm.Host)
	}
	request, err := tokenRequest(ctx, realm, c.service, login, scopes)
	if err != nil {
		return token{}, err
	}
	answer, err := r.registry.client.Do(request)
	if err != nil {
		return token{}, fmt.Errorf("asking for a token: %w", withoutQuery(err))
	}
	if answer.StatusCode != http.StatusOK {
		err := r.registry.refusal(answer)
		var refused *Error
		if errors.As(err, &refused) {
			refused.Elsewhere = false
		}
		return token{}, fmt.Errorf("asking for a token: %w", err)
	}
	data, err := end(answer)
	if err != nil {
		return token{}, fmt.Errorf("asking for a token: %w", err)
	}
	return parseToken(data, time.Now())
}

// tokenRequest asks for a token, with a refresh token (OAuth2), a password, or nothing for an anonymous one.
func tokenRequest(ctx context.Context, realm *url.URL, service string, login types.DockerAuthConfig,
	scopes []string) (*http.Request, error) {
	query := realm.Query()
	if service != "" {
		query.Set("service", service)
	}
	for _, scope := range scopes {
		query.Add("scope", scope)
	}
	u := *realm
	u.User = nil
	if login.IdentityToken != "" {
		query.Del("scope")
		query.Set("scope", strings.Join(scopes, " "))
		query.Set("grant_type", "refresh_token")
		query.Set("refresh_token", login.IdentityToken)
		query.Set("client_id", userAgent)
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(query.Encode()))
		if err != nil {
			return nil, err
		}
		request.GetBody = nil // it is not sent once more, to another place
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("User-Agent", userAgent)
		return request, nil
	}
	if login.Username != "" {
		query.Set("account", login.Username)
	}
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", userAgent)
	if login.Username != "" {
		request.Header.Set("Authorization", basic(login))
	}
	return request, nil
}

// parseToken reads the answer of a token service.
func parseToken(data []byte, now time.Time) (token, error) {
	var answer struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"` // seconds
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return token{}, fmt.Errorf("asking for a token: parsing the answer: %w", err)
	}
	text := answer.Token
	if text == "" {
		text = answer.AccessToken
	}
	if text == "" || slices.ContainsFunc([]byte(text), func(b byte) bool { return b <= ' ' || b > '~' }) {
		return token{}, errors.New("asking for a token: the answer has none")
	}
	seconds := min(max(answer.ExpiresIn, int64(shortest/time.Second)), int64(longest/time.Second))
	return token{text, now.Add(time.Duration(seconds) * time.Second)}, nil
}
