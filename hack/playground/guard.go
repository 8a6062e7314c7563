package playground

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Guard asks for credentials for every repository whose name begins with Repository.
type Guard struct {
	Repository     string
	User, Password string
	Token          bool // hand out bearer tokens as public registries do, instead of HTTP basic authentication
	PushOnly       bool // reading needs no credentials
}

// Protect makes the registry ask for credentials as guard says.
func (r *Registry) Protect(guard Guard) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.guards = append(r.guards, guard)
}

// admit answers requests that lack credentials and says whether to go on.
func (r *Registry) admit(w http.ResponseWriter, req *http.Request) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if req.URL.Path == "/token" {
		r.grant(w, req)
		return false
	}
	if req.URL.Path == "/v2/" && len(r.guards) > 0 && r.guards[0].Token && req.Header.Get("Authorization") == "" {
		// A client learns from the ping where to get tokens. Anonymous ones get a token too, as at quay.io.
		r.challenge(w, r.guards[0], "")
		return false
	}
	repository, _, _ := split(req.URL.Path)
	for _, guard := range r.guards {
		if repository == "" || !strings.HasPrefix(repository, guard.Repository) {
			continue
		}
		reading := req.Method == http.MethodGet || req.Method == http.MethodHead
		if reading && guard.PushOnly || r.user(req) == guard.User {
			continue
		}
		r.challenge(w, guard, repository)
		return false
	}
	return true
}

func (r *Registry) challenge(w http.ResponseWriter, guard Guard, repository string) {
	challenge := `Basic realm="playground"`
	if guard.Token {
		challenge = fmt.Sprintf(`Bearer realm="http://%s/token",service="playground"`, r.Host)
		if repository != "" {
			challenge += fmt.Sprintf(`,scope="repository:%s:pull,push"`, repository)
		}
	}
	w.Header().Set("WWW-Authenticate", challenge)
	refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
}

// user returns whom the request's credentials belong to, "" for nobody.
func (r *Registry) user(req *http.Request) string {
	if token, found := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer "); found {
		return r.tokens[token]
	}
	user, password, _ := req.BasicAuth()
	for _, guard := range r.guards {
		if user == guard.User && password == guard.Password {
			return user
		}
	}
	return ""
}

// grant hands out a token: to a known user in their name, to anybody else an anonymous one.
func (r *Registry) grant(w http.ResponseWriter, req *http.Request) {
	token, user := rand.Text(), r.user(req)
	if _, _, given := req.BasicAuth(); given && user == "" {
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "invalid user name or password")
		return
	}
	r.tokens[token] = user
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"token": token, "expires_in": 300})
}
