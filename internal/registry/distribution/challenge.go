package distribution

import (
	"net/http"
	"strings"
)

// challenge is what a registry wants a request to show, from a WWW-Authenticate header (RFC 7235; the distribution
// specification's "token authentication" for bearer).
type challenge struct {
	scheme  string // "basic" or "bearer"
	realm   string // where a bearer token is to be had
	service string
}

// challengeOf returns the first challenge of an answer that can be met, or nil.
func challengeOf(header http.Header) *challenge {
	for _, value := range header.Values("WWW-Authenticate") {
		scheme, parameters := parseChallenge(value)
		switch {
		case scheme == "basic":
			return &challenge{scheme: scheme}
		case scheme == "bearer" && parameters["realm"] != "":
			return &challenge{scheme, parameters["realm"], parameters["service"]}
		}
	}
	return nil
}

// parseChallenge reads one challenge: a scheme, and parameters that are tokens or quoted strings.
func parseChallenge(s string) (scheme string, parameters map[string]string) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	parameters = map[string]string{}
	for {
		name, after, ok := strings.Cut(strings.TrimLeft(rest, " \t,"), "=")
		if !ok {
			return strings.ToLower(scheme), parameters
		}
		parameters[strings.ToLower(strings.TrimSpace(name))], rest = parameterValue(strings.TrimLeft(after, " \t"))
	}
}

func parameterValue(s string) (value, rest string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ", \t")
		if end < 0 {
			return s, ""
		}
		return s[:end], s[end:]
	}
	var text strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return text.String(), s[i+1:]
		case '\\':
			if i++; i < len(s) {
				text.WriteByte(s[i])
			}
		default:
			text.WriteByte(s[i])
		}
	}
	return text.String(), ""
}
