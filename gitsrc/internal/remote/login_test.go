package remote

import (
	"slices"
	"strings"
	"testing"

	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

func TestTokensGoToTheirHostOnly(t *testing.T) {
	for address, want := range map[string][]string{
		"https://github.com/a/b": {"GIT_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"}, "https://gitlab.com/a/b": {"GITLAB_TOKEN"},
		"https://github.com.evil.example/a/b": nil, "https://evil-github.com/a": nil, "https://github.com:444/a/b": nil,
		"http://127.0.0.1/a": nil, "https://gist.github.com/a": nil, "ssh://git@github.com/a/b": nil,
	} {
		u, err := giturl.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := tokenVariables(u); !slices.Equal(got, want) {
			t.Errorf("tokens for %s: %v, want %v", address, got, want)
		}
	}
}

func TestNetrc(t *testing.T) {
	tests := []struct{ text, user, password string }{
		{"machine h login u password p", "u", "p"},
		{"machine other login x password y\nmachine h\n\tpassword p\n\tlogin u\n", "u", "p"},
		{"machine other login x password y default login u password p", "", ""},
		{"default login x password y machine h login u password p", "u", "p"},
		{"machine h login u password p default login x password y", "u", "p"},
		{"machine h login u password p machine h login x password y", "u", "p"},
		{"machine hh login u password p", "", ""},
		{"machine h login u", "", ""},
		{"machine h login machine password p", "machine", "p"},
		{"machine", "", ""},
		{"", "", ""},
	}
	for _, test := range tests {
		user, password, ok := netrcLogin(test.text, "h")
		if ok != (test.password != "") || ok && (user != test.user || password != test.password) {
			t.Errorf("netrcLogin(%q) = %q, %q, %v, want %q, %q", test.text, user, password, ok,
				test.user, test.password)
		}
	}
}

func TestHelperAnswer(t *testing.T) {
	for text, want := range map[string]string{
		"username=u\npassword=p=q\nquit=0\n": "u:p=q", "password=p": "given:p", "username=u\n": "", "": "",
		"protocol=https\nhost=x\n": "",
	} {
		auth := parseHelper([]byte(text), "given")
		got := ""
		if basic, ok := auth.(*githttp.BasicAuth); ok {
			got = basic.Username + ":" + basic.Password
		}
		if got != want {
			t.Errorf("parseHelper(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestRefusal(t *testing.T) {
	for answer, want := range map[string]string{
		"0010ERR not ours": "not ours", "0035shallow " + strings.Repeat("a", 40) +
			"\n00000008NAK\n000cERR late": "late",
		"0008NAK\n": "", "": "", "zzzz": "", "0fffERR": "", "0004": "", "0000": "",
	} {
		l := &lastAnswer{}
		seen := l.begin(true)
		for i := range answer {
			seen([]byte{answer[i]})
		}
		if got := l.refusal(); got != want {
			t.Errorf("refusal(%q) = %q, want %q", answer, got, want)
		}
	}
}

func FuzzNetrc(f *testing.F) {
	f.Add("machine h login u password p")
	f.Add("default macdef x")
	f.Fuzz(func(t *testing.T, text string) {
		fuzzing.Case(t)
		if user, password, ok := netrcLogin(text, "h"); !ok && password != "" {
			t.Errorf("netrcLogin(%q) = %q, %q, %v", text, user, password, ok)
		}
	})
}
