package cli_test

import (
	"io"
	"log"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// gitServer serves openshift/coredns with a merged pull request in the place of github.com, and returns its commits
// before and after.
func gitServer(t *testing.T) (before, after string) {
	t.Helper()
	backend, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Skipf("the git program, which serves the repository of this test, cannot be run: %v", err)
	}
	root := t.TempDir()
	work := filepath.Join(root, "work")
	git := func(arguments ...string) string {
		t.Helper()
		command := exec.Command("git", append([]string{"-C", work, "-c", "user.name=A", "-c",
			"user.email=a@example.org", "-c",
			"init.defaultBranch=main"}, arguments...)...)
		command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", arguments, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if err := os.MkdirAll(work, 0o700); err != nil {
		t.Fatal(err)
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "first")
	before = git("rev-parse", "HEAD")
	git("checkout", "-q", "-b", "fix")
	git("commit", "-q", "--allow-empty", "-m", "fix it")
	git("checkout", "-q", "main")
	git("merge", "-q", "--no-ff", "-m", "Merge pull request #7 from me/fix\n\nOCPBUGS-12: do not crash \x1b[31m", "fix")
	after = git("rev-parse", "HEAD")
	bare := filepath.Join(root, "openshift", "coredns.git")
	git("clone", "-q", "--bare", work, bare)
	git("-C", bare, "config", "uploadpack.allowAnySHA1InWant", "true")
	server := httptest.NewServer(&cgi.Handler{Path: strings.TrimSpace(string(backend)) + "/git-http-backend",
		Logger: log.New(io.Discard, "", 0), Stderr: io.Discard,
		Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1",
			"GIT_CONFIG_GLOBAL=/dev/null", "HOME=" + root},
		InheritEnv: []string{"GIT_PROTOCOL"}})
	t.Cleanup(server.Close)
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "url."+server.URL+"/.insteadOf")
	t.Setenv("GIT_CONFIG_VALUE_0", "https://github.com/")
	return before, after
}

func TestHistory(t *testing.T) {
	before, after := gitServer(t)
	r := payloadtest.NewRegistry(t)
	release := func(name, commit string) payloadtest.Seeded {
		labels := map[string]string{"io.openshift.build.commit.id": commit,
			"io.openshift.build.source-location": "https://github.com/openshift/coredns"}
		return r.Seed(t, payloadtest.Release{Name: name, Created: when, Components: []payloadtest.Component{
			{Name: "coredns", Labels: labels}, {Name: "cluster-version-operator",
				Manifests: map[string]string{"0000_00_x.yaml": "kind: A\napiVersion: v1\n"}}}})
	}
	old, next := release("4.12.0", before), release("4.12.1", after)
	out, _ := run(t, 0, "info", "--insecure", old.PullSpec, next.PullSpec, "--changelog")
	for _, want := range []string{"# 4.12.1\n", "## Changes from 4.12.0\n",
		"### [coredns](https://github.com/openshift/coredns/tree/" + after + ")\n",
		"* [OCPBUGS-12](https://issues.redhat.com/browse/OCPBUGS-12): do not crash",
		"[#7](https://github.com/openshift/coredns/pull/7)\n", "/compare/" + before + "..." + after} {
		if !strings.Contains(out, want) {
			t.Errorf("the changelog lacks %q:\n%s", want, out)
		}
	}
	for path, want := range map[string]string{
		"{.from.name} {.to.name}": "4.12.0 4.12.1", "{.updatedImages[0].name}": "coredns",
		"{.updatedImages[0].commits[0].pullID}":            "7",
		"{.updatedImages[0].commits[0].issues.OCPBUGS-12}": "https://issues.redhat.com/browse/OCPBUGS-12",
		"{.updatedImages[0].path}":                         "https://github.com/openshift/coredns/tree/" + after,
	} {
		if got, _ := run(t, 0, "info", "--insecure", old.PullSpec, next.PullSpec, "--changelog", "-o",
			"jsonpath="+path); got != want {
			t.Errorf("the changelog's %s is %q, want %q", path, got, want)
		}
	}
	if strings.Contains(out, "\x1b") {
		t.Error("a commit's message can control the terminal")
	}
	if out, _ = run(t, 0, "info", "--insecure", old.PullSpec, next.PullSpec, "--bugs",
		"-oname"); out != "OCPBUGS-12\n" {
		t.Errorf("the bugs: %q", out)
	}
	run(t, 2, "info", "--insecure", old.PullSpec, "--bugs")
	unknown := release("4.12.2", strings.Repeat("1", 40))
	if out, _ := run(t, 3, "info", "--insecure", old.PullSpec, unknown.PullSpec, "--changelog"); !strings.Contains(out,
		"* The history cannot be shown") {
		t.Errorf("the changelog to a commit that nobody has:\n%s", out)
	}
	directory := t.TempDir()
	out, _ = run(t, 0, "extract", "--insecure", next.PullSpec, "--git", directory, "-o", "commit")
	place := filepath.Join(directory, "github.com", "openshift", "coredns")
	if out != place+" "+after+"\n" {
		t.Errorf("extract --git printed %q", out)
	}
	if head, err := exec.Command("git", "-C", place, "rev-parse", "HEAD").Output(); err != nil ||
		strings.TrimSpace(string(head)) != after {
		t.Errorf("the checkout is at %s, %v", head, err)
	}
}
