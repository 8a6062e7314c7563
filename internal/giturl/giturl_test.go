package giturl_test

import (
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

func TestParsePayload(t *testing.T) {
	tests := []struct{ address, want, web string }{
		{"https://github.com/openshift/x", "https://github.com/openshift/x", "https://github.com/openshift/x"},
		{"https://github.com/openshift/x.git/", "https://github.com/openshift/x.git", "https://github.com/openshift/x"},
		{"git@github.com:openshift/x.git", "https://github.com/openshift/x.git", "https://github.com/openshift/x"},
		{"ssh://git@host.example:22/x/y", "ssh://git@host.example:22/x/y", "https://host.example/x/y"},
		{"https://10.0.0.1/x", "https://10.0.0.1/x", "https://10.0.0.1/x"},
	}
	for _, test := range tests {
		got, err := giturl.ParsePayload(test.address)
		if err != nil || got.String() != test.want || got.Web() != test.web {
			t.Errorf("ParsePayload(%q) = %s (%s), %v, want %s (%s)", test.address, got, got.Web(), err,
				test.want, test.web)
		}
	}
}

func TestParsePayloadRefuses(t *testing.T) {
	for _, address := range []string{
		"", "ext::sh -c touch% /tmp/pwn", "file:///etc", "/etc", "--upload-pack=/tmp/x", "-oProxyCommand=x",
		"ssh://-oProxyCommand=x/y",
		"git@host:$(id)", "https://github.com@evil.example/openshift/x", "https://github.com/openshift/../evil",
		"https://github.com/x\n",
		"https://github.com/x\r\n", "http://169.254.169.254/", "https://169.254.169.254/x", "http://127.0.0.1/x",
		"https://127.0.0.1/x",
		"https://localhost/x", "https://[::1]/x", "https://[::ffff:127.0.0.1]/x", "https://[fe80::1%25eth0]/x",
		"https://0.0.0.0/x",
		"git://github.com/x",
		"https://user:canary@github.com/x", "https://us:can\x00ary@github.com/x",
	} {
		got, err := giturl.ParsePayload(address)
		if err == nil {
			t.Errorf("ParsePayload(%q) = %s, want an error", address, got)
		} else if strings.Contains(err.Error(), "canary") {
			t.Errorf("ParsePayload(%q): the error tells the password: %v", address, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"https://github.com/a/b", "git@h:x", "ssh://h:22/x", "http://127.0.0.1:1/x",
		"file:///x", "/x/../y",
		"https://[::1]:0/x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		fuzzing.Case(t)
		u, err := giturl.Parse(address)
		if err != nil {
			return
		}
		again, err := giturl.Parse(u.String())
		if err != nil || again != u {
			t.Errorf("Parse(%q) = %+v, and of its String %+v, %v", address, u, again, err)
		}
		if p, err := giturl.ParsePayload(address); err == nil && p.Scheme != "https" && p.Scheme != "ssh" {
			t.Errorf("ParsePayload(%q) allows scheme %q", address, p.Scheme)
		}
	})
}
