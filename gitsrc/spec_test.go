package gitsrc_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
)

const someCommit = "2b3eba74dd9e4371f35ab41dbda02642f60707ec"

func TestParse(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", "/home/someone")
	tests := []struct {
		source string
		want   gitsrc.Spec
	}{
		{"", gitsrc.Spec{Kind: gitsrc.Payload}},
		{"@" + someCommit, gitsrc.Spec{Kind: gitsrc.Ref, Ref: someCommit}},
		{"@release-4.12", gitsrc.Spec{Kind: gitsrc.Ref, Ref: "release-4.12"}},
		{"@feature/one", gitsrc.Spec{Kind: gitsrc.Ref, Ref: "feature/one"}},
		{"#12", gitsrc.Spec{Kind: gitsrc.Pull, Pull: 12}},
		{"#12:merge", gitsrc.Spec{Kind: gitsrc.Pull, Pull: 12, Merge: true}},
		{"#12+#345", gitsrc.Spec{Kind: gitsrc.Merge, Heads: []string{"#12", "#345"}}},
		{"@release-4.12+#12", gitsrc.Spec{Kind: gitsrc.Merge, Ref: "release-4.12", Heads: []string{"#12"}}},
		{"@c+++#12+@" + someCommit, gitsrc.Spec{Kind: gitsrc.Merge, Ref: "c++", Heads: []string{"#12", someCommit}}},
		{"@c++", gitsrc.Spec{Kind: gitsrc.Ref, Ref: "c++"}},
		{"me/machine-config-operator", gitsrc.Spec{Kind: gitsrc.Fork,
			Repository: "https://github.com/me/machine-config-operator"}},
		{"me/x.y@fix/a@b", gitsrc.Spec{Kind: gitsrc.Fork, Repository: "https://github.com/me/x.y", Ref: "fix/a@b"}},
		{"https://gitlab.example/a/b/c.git@v1", gitsrc.Spec{Kind: gitsrc.Fork,
			Repository: "https://gitlab.example/a/b/c.git", Ref: "v1"}},
		{"https://GitHub.com:443/a/b", gitsrc.Spec{Kind: gitsrc.Fork, Repository: "https://github.com:443/a/b"}},
		{"git@github.com:me/x.git@topic", gitsrc.Spec{Kind: gitsrc.Fork,
			Repository: "ssh://git@github.com/me/x.git", Ref: "topic"}},
		{"github.com:me/x", gitsrc.Spec{Kind: gitsrc.Fork, Repository: "ssh://git@github.com/me/x"}},
		{"ssh://me@host.example:2222/x/y@topic",
			gitsrc.Spec{Kind: gitsrc.Fork, Repository: "ssh://me@host.example:2222/x/y", Ref: "topic"}},
		{"http://127.0.0.1:5080/a/b@main", gitsrc.Spec{Kind: gitsrc.Fork,
			Repository: "http://127.0.0.1:5080/a/b", Ref: "main"}},
		{"http://[::1]:80/a/b", gitsrc.Spec{Kind: gitsrc.Fork, Repository: "http://[::1]:80/a/b"}},
		{"file:///srv/git/x.git@main", gitsrc.Spec{Kind: gitsrc.Fork,
			Repository: "file:///srv/git/x.git", Ref: "main"}},
		{"./x", gitsrc.Spec{Kind: gitsrc.Local, Path: filepath.Join(here, "x")}},
		{".", gitsrc.Spec{Kind: gitsrc.Local, Path: here}},
		{"../x@y", gitsrc.Spec{Kind: gitsrc.Local, Path: filepath.Join(filepath.Dir(here), "x@y")}},
		{"/src/x", gitsrc.Spec{Kind: gitsrc.Local, Path: "/src/x"}},
		{"~/x", gitsrc.Spec{Kind: gitsrc.Local, Path: "/home/someone/x"}},
	}
	for _, test := range tests {
		t.Run(test.source, func(t *testing.T) {
			got, err := gitsrc.Parse(test.source)
			if err != nil {
				t.Fatalf("Parse(%q): %v", test.source, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Parse(%q) (-want +got):\n%s", test.source, diff)
			}
			again, err := gitsrc.Parse(got.String())
			if err != nil || !cmp.Equal(again, got) {
				t.Errorf("Parse(%q) = %v, %v, want what String was called on", got.String(), again, err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	sources := []string{
		"@", "@-x", "@--upload-pack=x", "@a..b", "@a b", "@refs/../x", "@x.lock", "@.x", "@a/.b", "@HEAD^{/x}",
		"@main~1", "@a:b",
		"@x\n", "@x\x1b[m",
		"@" + strings.ToUpper(someCommit), "@" + strings.Repeat("a", 300),
		"#", "#0", "#-1", "#1:rebase", "#1 ", "#99999999999",
		"#1+", "#1+2", "#1+#1", "#1+#2:merge", "#1:merge+#2", "#1+@main", "@-x+#1", "@+#1", "@main+#", "@main+#1+",
		"#1 +#2", "#1+\x00#2",
		"main", "x", "a/b/c", "-oProxyCommand=x", "--upload-pack=/tmp/x", "a/b@", "../\x00",
		"ext::sh -c touch% /tmp/pwn", "git://host/x", "ftp://host/x", "http://github.com/a/b",
		"http://169.254.169.254/",
		"https://user:secret@github.com/a/b", "https://github.com@evil.example/openshift/x",
		"https://github.com/openshift/../evil",
		"https://github.com/a/b?x=y", "https://github.com/a/b#c", "https://github.com/a%2f..%2fb",
		"https://github.com/a/b\r",
		"https://github.com/",
		"https://host:99999/a/b", "https://-host/a/b", "ssh://-oProxyCommand=x/y", "ssh://-x@host/y",
		"git@host:$(id)", "git@host:-x",
		"git@-host:x",
		"https://github.com/a/-b", "https://github.com//a", "file://relative/x", "https://xn--\u0440\u0443.example/a/b",
		"https://gіthub.com/a/b",
		"https://" + strings.Repeat("a", 3000),
	}
	for _, source := range sources {
		spec, err := gitsrc.Parse(source)
		if err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", source, spec)
			continue
		}
		if kind := fault.KindOf(err); kind != fault.Usage {
			t.Errorf("Parse(%q): class %d, want %d", source, kind, fault.Usage)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("Parse(%q): the error tells the password: %v", source, err)
		}
		if strings.ContainsAny(err.Error(), "\x00\x1b\r\n") {
			t.Errorf("Parse(%q): the error holds control characters: %q", source, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "@main", "#1:merge", "#1+#2", "@x+#1", "a/b@c", "https://h.example/a/b@c",
		"git@h:x/y", "./x", "ssh://-o@h/x", "ext::x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		fuzzing.Case(t)
		spec, err := gitsrc.Parse(source)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\x00\x1b\r\n") {
				t.Errorf("Parse(%q): the error holds control characters: %q", source, err)
			}
			return
		}
		again, err := gitsrc.Parse(spec.String())
		if err != nil || !cmp.Equal(again, spec) {
			t.Errorf("Parse(%q) = %+v, and of its String %+v, %v", source, spec, again, err)
		}
	})
}
