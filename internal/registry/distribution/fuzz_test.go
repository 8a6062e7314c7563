package distribution

import (
	"net/http"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
)

// FuzzChallenge reads whatever a registry may want: it ends, and what is to be met can be.
func FuzzChallenge(f *testing.F) {
	for _, seed := range []string{"", "Basic", `Basic realm="x"`,
		`Bearer realm="https://a/token",service="b",scope="repository:c:pull,push"`,
		`bearer realm=https://a/token, service = b`, `Bearer realm="a\"b\\`, `Bearer realm`,
		`Bearer =,=,"`, "Negotiate",
		"Bearer realm=\"\x00\n\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzing.Case(t)
		c := challengeOf(http.Header{"Www-Authenticate": {text}})
		if c != nil && c.scheme != "basic" && (c.scheme != "bearer" || c.realm == "") {
			t.Errorf("challengeOf(%q) = %+v", text, c)
		}
	})
}

// FuzzToken reads the answer of a token service: a token can be put into a header, and lasts between a minute and a
// day.
func FuzzToken(f *testing.F) {
	for _, seed := range []string{"", "{}", "[]", `{"token":"a"}`, `{"access_token":"b","expires_in":300}`,
		`{"token":"a\r\nHost: b"}`,
		`{"token":"a","expires_in":9223372036854775807}`, `{"token":"a","expires_in":-1}`, `{"token":""}`} {
		f.Add([]byte(seed))
	}
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzing.Case(t)
		got, err := parseToken(data, now)
		if err != nil {
			return
		}
		for _, b := range []byte(got.text) {
			if b <= ' ' || b > '~' {
				t.Errorf("the token %q does not fit a header", got.text)
			}
		}
		if lasts := got.ends.Sub(now); got.text == "" || lasts < shortest || lasts > longest {
			t.Errorf("parseToken(%q) = %q for %s", data, got.text, lasts)
		}
	})
}
