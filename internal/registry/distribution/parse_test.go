package distribution

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChallengeOf(t *testing.T) {
	tests := []struct {
		description string
		headers     []string
		want        *challenge
	}{
		{"none", nil, nil},
		{"basic", []string{`BASIC realm="x"`}, &challenge{scheme: "basic"}},
		{"bearer", []string{`Bearer realm="https://a/token?x=1,2",service="the \"b\"",scope="repository:c:pull,push"`},
			&challenge{"bearer", "https://a/token?x=1,2", `the "b"`}},
		{"without quotes", []string{"bearer realm=https://a/token,service=b"},
			&challenge{"bearer", "https://a/token", "b"}},
		{"the first that can be met", []string{"Negotiate", `Bearer service="no realm"`, "Basic"},
			&challenge{scheme: "basic"}},
		{"cut off", []string{`Bearer realm="https://a`}, &challenge{"bearer", "https://a", ""}},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			got := challengeOf(http.Header{"Www-Authenticate": test.headers})
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(challenge{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSameOrigin(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"https://a/x", "https://a/y", true},
		{"https://A", "https://a:443", true},
		{"http://a:80", "http://a", true},
		{"https://[::1]:5000", "https://[::1]:5000", true},
		{"https://a", "http://a", false},
		{"https://a", "https://a:444", false},
		{"https://a", "https://b.a", false},
		{"https://a:80", "https://a", false},
	} {
		a, err := url.Parse(test.a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := url.Parse(test.b)
		if err != nil {
			t.Fatal(err)
		}
		if got := sameOrigin(a, b); got != test.want {
			t.Errorf("sameOrigin(%s, %s) = %t", a, b, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{"": 0, "3": 3 * time.Second, "-3": 0, "soon": 0, "1e9": 0,
		"Mon, 23 Nov 2026 10:00:05 GMT": 5 * time.Second, "Mon, 23 Nov 2026 09:00:00 GMT": 0,
		"9223372036854775807": 1 << 31 * time.Second} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("retryAfter(%q) = %s, want %s", value, got, want)
		}
	}
}
