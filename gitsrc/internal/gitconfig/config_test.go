package gitconfig_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/gitsrc/internal/gitconfig"
	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
	"github.com/oc-rebuild/oc-rebuild/internal/giturl"
)

func TestParse(t *testing.T) {
	text := "\ufeff# comment\n[url \"http://127.0.0.1:1/\"] insteadOf = https://github.com/ ; why\r\n" +
		"[alias]\n\tx = \"!f() { echo \\\"#\\\"; }; f\"  # quoted\n\tlong = a \\\n  b\n[core]\n\tbare\n[Credential.Old]\n\tHelper =\n[a \"b\\\"c]\"]d=1\n"
	got, err := gitconfig.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	want := []gitconfig.Entry{
		{Section: "url", Subsection: "http://127.0.0.1:1/", Name: "insteadof", Value: "https://github.com/"},
		{Section: "alias", Name: "x", Value: `!f() { echo "#"; }; f`},
		{Section: "alias", Name: "long", Value: "a   b"},
		{Section: "core", Name: "bare", Value: "true"},
		{Section: "credential", Subsection: "old", Name: "helper"},
		{Section: "a", Subsection: `b"c]`, Name: "d", Value: "1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"x = 1", "[", "[a", "[a]\nb c", "[a]\n= 1", "[a \"b\n\"]", "[a]\nb = \"x",
		"[a]\nb = \\q", "[]"} {
		if got, err := gitconfig.Parse(bad); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", bad, got)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("system", "[url \"https://system/\"]\ninsteadOf = https://a/\n[credential]\nhelper = store\n")
	write(".config/git/config", "[url \"https://xdg/\"]\ninsteadOf = https://b/\n")
	write(".gitconfig",
		"[include]\npath = more\n[includeIf \"gitdir:/x\"]\npath = never\n[url \"https://home/\"]\ninsteadOf = https://b/deep/\n")
	write("more", "[credential \"https://b\"]\nhelper =\nhelper = mine\n[http \"https://b/x\"]\nproxy = http://p:1\n")
	env := map[string]string{"HOME": dir, "GIT_CONFIG_SYSTEM": filepath.Join(dir, "system"),
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "url.http://127.0.0.1:5/.insteadOf",
		"GIT_CONFIG_VALUE_0": "https://c/"}
	c, err := gitconfig.Load(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"https://a/x": "https://system/x", "https://b/x": "https://xdg/x", "https://b/deep/x": "https://home/x",
		"https://c/x": "http://127.0.0.1:5/x", "https://d/x": "https://d/x",
	} {
		if got, ok := c.InsteadOf(address); got != want || ok != (got != address) {
			t.Errorf("InsteadOf(%q) = %q, %v, want %q", address, got, ok, want)
		}
	}
	u, err := giturl.Parse("https://b/x/y")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"mine"}, c.Helpers(u)); diff != "" {
		t.Errorf("Helpers (-want +got):\n%s", diff)
	}
	if got := c.ForURL("http", "proxy", u); got != "http://p:1" {
		t.Errorf("http.proxy is %q", got)
	}
	env["GIT_CONFIG_GLOBAL"] = "/dev/null"
	env["GIT_CONFIG_NOSYSTEM"] = "1"
	if c, err = gitconfig.Load(func(name string) string { return env[name] }); err != nil {
		t.Fatal(err)
	}
	if got, ok := c.InsteadOf("https://b/x"); ok {
		t.Errorf("GIT_CONFIG_GLOBAL does not replace the user's files: %q", got)
	}
}

func TestLoadIncludesWithoutEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte("[include]\npath = config\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"GIT_CONFIG_GLOBAL": path, "GIT_CONFIG_NOSYSTEM": "1"}
	if _, err := gitconfig.Load(func(name string) string { return env[name] }); err == nil {
		t.Error("a file that includes itself is no error")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("[url \"a\"]\ninsteadOf = b")
	f.Add("[a.b]\nc = \"d\\n\" ; e\nf\\\n")
	f.Fuzz(func(t *testing.T, text string) {
		fuzzing.Case(t)
		entries, err := gitconfig.Parse(text)
		for _, e := range entries {
			if err == nil && (e.Section == "" || e.Name == "") {
				t.Errorf("Parse(%q) = %+v", text, e)
			}
		}
	})
}
