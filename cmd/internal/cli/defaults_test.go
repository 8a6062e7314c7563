package cli_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDefaults go from the command line over variables and the file in the working tree to the user's own.
func TestDefaults(t *testing.T) {
	home, tree := t.TempDir(), t.TempDir()
	write := func(directory, name, text string) {
		t.Helper()
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("KUBECONFIG", "/none")
	below := filepath.Join(tree, "a", "b")
	if err := os.MkdirAll(below, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	const own = "oc-rebuild/config.yaml"
	write(home, own, "from-release: q.io/own:1\nto-image: q.io/own:2\nregistry-config: /own/auth.json\njobs: 3\n")
	write(tree, ".oc-rebuild.yaml", "from-release: q.io/tree:1\n")
	t.Setenv("OC_REBUILD_TO_IMAGE", "q.io/variable:2")
	out, _ := run(t, 0, "config")
	for flag, want := range map[string]string{"--from-release": "q.io/tree:1",
		"--to-image": "q.io/variable:2", "--jobs": "3",
		"--registry-config": "/own/auth.json"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), flag+" "+want+" ") {
			t.Errorf("%s is not %s in\n%s", flag, want, out)
		}
	}
	// The file that decides is named, and the flag wins over all.
	if _, errors := run(t, 2, "plan", "one", "--base-image", "nonsense"); !strings.Contains(errors,
		"--from-release q.io/tree:1, says "+filepath.Join(tree, ".oc-rebuild.yaml")) {
		t.Errorf("what the tree says: %s", errors)
	}
	if _, errors := run(t, 2, "plan", "one", "--base-image", "nonsense", "--from-release",
		"q.io/flag:1"); strings.Contains(errors, "says") {
		t.Errorf("a flag that is given: %s", errors)
	}
	for _, bad := range []struct{ directory, file, text, problem string }{
		{tree, ".oc-rebuild.yaml", "registry-config: /tmp/auth.json\n",
			"cannot be set by a file inside a working tree"},
		{tree, ".oc-rebuild.yaml", "release-repo: https://evil.example/release\n",
			"cannot be set by a file inside a working tree"},
		{tree, ".oc-rebuild.yaml", "isolation: chroot\n", "cannot be set"},
		{tree, ".oc-rebuild.yaml", "insecure: \"true\"\n", "nothing called"},
		{tree, ".oc-rebuild.yaml", "signature-policy: x\n", "cannot be set"},
		{tree, ".oc-rebuild.yaml", "cache-dir: x\n", "cannot be set"},
		{home, own, "upgrade: \"true\"\n", "nothing called"}, {home, own, "jobs: [1]\n", "no text and no number"},
		{home, own, "a\nb", "reading defaults"}, {home, own, "jobs: 1\njobs: 2\n", "already defined"},
		{home, own, "jobs: null\n", "no text and no number"}, {home, own, "context: true\n", "no text and no number"},
		{home, own, "name: &a 1.2.3\ncontext: *a\n", "no text and no number"},
	} {
		write(tree, ".oc-rebuild.yaml", "")
		write(bad.directory, bad.file, bad.text)
		if _, errors := run(t, 2, "plan", "one"); !strings.Contains(errors, bad.problem) {
			t.Errorf("%q: %s", bad.text, errors)
		}
		write(home, own, "")
	}
}

// TestNumbersAsWritten gives flags the numbers of a file as they stand there.
func TestNumbersAsWritten(t *testing.T) {
	alone(t)
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	path := filepath.Join(home, "oc-rebuild", "config.yaml")
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(path,
		[]byte("jobs: 1000000\ncontext: 1.10\nname: \"4.17.0\"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	out, _ := run(t, 0, "config", "-o", "jsonpath={range [*]}{.name}={.value} {end}")
	for _, want := range []string{"jobs=1000000 ", "context=1.10 ", "name=4.17.0 "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if _, errors := run(t, 2, "apply", "plan.json", "--to-image", "q.io/me/release:1", "--engine", "tekton",
		"--engine-image", "q.io/me/engine", "-o", "yaml"); !strings.Contains(errors, "plan.json") {
		t.Errorf("the number of jobs is refused: %s", errors)
	}
}

// TestFileOfSomebodyElse is refused: on a shared machine anybody may write one above where others work.
func TestFileOfSomebodyElse(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make a file for somebody else")
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	directory := t.TempDir()
	t.Chdir(directory)
	path := filepath.Join(directory, ".oc-rebuild.yaml")
	if err := errors.Join(os.WriteFile(path, []byte("to-image: q.io/a:1\n"), 0o644),
		os.Chown(path, 1234, 1234)); err != nil {
		t.Skipf("only real root can make a file for somebody else: %v", err)
	}
	if _, text := run(t, 2, "plan", "one", "--from-release", "q.io/a:1"); !strings.Contains(text, "somebody else's") {
		t.Errorf("the error is %s", text)
	}
}

// TestNoSecretsInTrees lists what a file in a working tree must never decide.
func TestNoSecretsInTrees(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	directory := t.TempDir()
	t.Chdir(directory)
	for _, flag := range []string{"registry-config", "push-registry-config", "authfile", "secret",
		"certificate-authority",
		"insecure", "signature-policy",
		"signature-key", "verify-signature", "kubeconfig", "context", "upgrade", "isolation", "network", "storage-root",
		"storage-driver", "cache-dir",
		"release-repo", "config-resolver", "config", "base-image", "base-image-map", "build-arg", "patch",
		"dockerfile", "build-data",
		"idms-file"} {
		if err := os.WriteFile(filepath.Join(directory, ".oc-rebuild.yaml"), []byte(flag+": x\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, errors := run(t, 2, "plan", "one", "--from-release",
			"q.io/a:1"); !strings.Contains(errors, "defaults of ") {
			t.Errorf("--%s: %s", flag, errors)
		}
	}
}

// alone runs a test in a directory where nothing has a default.
func alone(t *testing.T) {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("KUBECONFIG", "/none")
	t.Chdir(t.TempDir())
}

// TestPruneAsTyped removes what is in a registry only where --results is typed: the default is for builds.
func TestPruneAsTyped(t *testing.T) {
	alone(t)
	r, _, _ := seed(t)
	t.Setenv("OC_REBUILD_RESULTS", r.Host+"/me/components")
	prune := []string{"cache", "prune", "--insecure", "--all", "--cache-dir", "."}
	r.Reset()
	if _, errors := run(t, 2, prune...); !strings.Contains(errors, "is no cache of") {
		t.Errorf("the directory is not looked at: %s", errors)
	}
	if requests, _ := r.Reset(); len(requests) > 0 {
		t.Errorf("the registry was asked: %q", requests)
	}
	run(t, 0, append(prune, "--results", r.Host+"/me/components")...)
	if requests, _ := r.Reset(); len(requests) == 0 {
		t.Error("the registry was not asked, and --results was typed")
	}
}

// TestTypedWins over a default, whatever the flag is called that says the same or excludes it.
func TestTypedWins(t *testing.T) {
	alone(t)
	r, release, _ := seed(t)
	if err := os.WriteFile("auth.json", []byte(`{"auths":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	info := []string{"info", "--insecure", release.PullSpec}
	for _, test := range []struct {
		variable, value string
		code            int // with the default alone
		args            []string
		code2           int // with typed as well
		typed           []string
		not             string // what is not said then
	}{
		{"REGISTRY_CONFIG", "/nonexistent", 2, info, 0, []string{"--authfile", "auth.json"}, ""},
		{"REGISTRY_CONFIG", "/nonexistent", 2, info, 0, []string{"--registry-config", "auth.json"}, ""},
		{"PLATFORM", "linux/arm64", 3, info, 0, []string{"--filter-by-os", "linux/amd64"}, ""},
		{"PLATFORM", "linux/amd64", 0, info, 3, []string{"--filter-by-os", "linux/arm64"}, ""},
		{"PLATFORM", "linux/arm64", 3,
			[]string{"mirror", "--insecure", "--dry-run", "--to", r.Host + "/copy/of", release.PullSpec},
			0, []string{"--filter-by-os", "linux/amd64"}, ""},
		{"RELEASE_REPO", "/nonexistent", 3, plan(release.PullSpec), 3, []string{"--config-resolver", "http://127.0.0.1:1/"},
			"exclude each other"},
		{"CONFIG_RESOLVER", "nonsense", 2, plan(release.PullSpec), 3, []string{"--release-repo", "/nonexistent"},
			"exclude each other"},
		{"TO_REPOSITORY", "q.io/me/images", 2, []string{"deploy", "coredns"}, 2, []string{"--to-cluster-registry"},
			"stands in place"},
	} {
		t.Run(test.variable, func(t *testing.T) {
			t.Setenv("OC_REBUILD_"+test.variable, test.value)
			run(t, test.code, test.args...)
			_, errors := run(t, test.code2, append(slices.Clone(test.args), test.typed...)...)
			if test.not != "" && strings.Contains(errors, test.not) {
				t.Errorf("%q with the default: %s", test.typed, errors)
			}
		})
	}
}

func plan(release string) []string {
	return []string{"plan", "--insecure", "coredns", "--from-release", release}
}

// TestStrongerExcludes the weaker: a variable may name a resolver where the file of the user names a repository.
func TestStrongerExcludes(t *testing.T) {
	alone(t)
	_, release, _ := seed(t)
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	if err := errors.Join(os.Mkdir(filepath.Join(home, "oc-rebuild"), 0o755), os.WriteFile(
		filepath.Join(home, "oc-rebuild", "config.yaml"), []byte("release-repo: /nonexistent\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OC_REBUILD_CONFIG_RESOLVER", "http://127.0.0.1:1/")
	if _, errors := run(t, 3, plan(release.PullSpec)...); !strings.Contains(errors, "127.0.0.1:1") {
		t.Errorf("the resolver is not asked: %s", errors)
	}
	if out, _ := run(t, 0, "config"); strings.Contains(out, "/nonexistent") {
		t.Errorf("what does not count is shown:\n%s", out)
	}
}

// TestNewAsTyped begins with what is named, and pushes nowhere else: the defaults are for rebuilds.
func TestNewAsTyped(t *testing.T) {
	alone(t)
	r, release, image := seed(t)
	stream, _ := run(t, 0, "extract", "--insecure", release.PullSpec, "--file", "image-references")
	if err := os.WriteFile("stream.json", []byte(stream), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OC_REBUILD_FROM_RELEASE", release.PullSpec)
	t.Setenv("OC_REBUILD_TO_IMAGE", r.Host+"/me/release:default")
	t.Setenv("OC_REBUILD_NAME", "auto")
	r.Reset()
	for _, args := range [][]string{
		{"-f", "stream.json", "--name", "4.12.0-mine.1", "--to-dir", "manifests"},
		{"--from-dir", "manifests", "--name", "4.12.0-mine.2", "--dry-run"},
	} {
		run(t, 0, append([]string{"new", "--insecure"}, args...)...)
	}
	if _, errors := run(t, 1, "new", "--insecure", "--from-release", release.PullSpec); !strings.Contains(errors,
		"could not be reproduced") {
		t.Errorf("a payload is not made again: %s", errors)
	}
	if _, errors := run(t, 2, "new", "--insecure", "coredns="+image); !strings.Contains(errors, "Pass --to-image") {
		t.Errorf("a payload that goes nowhere: %s", errors)
	}
	requests, _ := r.Reset()
	for _, request := range requests {
		if !strings.HasPrefix(request, "GET ") && !strings.HasPrefix(request, "HEAD ") {
			t.Errorf("the registry was sent %s", request)
		}
	}
}

// TestClusterHasOtherPlaces than this machine: what names one is refused where it is typed, and not where it is a
// default.
func TestClusterHasOtherPlaces(t *testing.T) {
	alone(t)
	apply := []string{"apply", "plan.json", "--to-image", "q.io/me/release:1", "--engine", "tekton",
		"--engine-image", "q.io/me/engine", "-o", "yaml"}
	for _, flag := range []string{"signature-policy", "storage-root", "storage-driver"} {
		t.Run(flag, func(t *testing.T) {
			if _, errors := run(t, 2, append(slices.Clone(apply), "--"+flag, "vfs")...); !strings.Contains(errors,
				"--"+flag+" names something of this machine") {
				t.Errorf("it was typed: %s", errors)
			}
			t.Setenv("OC_REBUILD_"+strings.ToUpper(strings.ReplaceAll(flag, "-", "_")), "vfs")
			if _, errors := run(t, 2, apply...); !strings.Contains(errors, "plan.json") {
				t.Errorf("it is a default: %s", errors)
			}
		})
	}
}

// TestWhosePlatform says where a platform comes from that a payload is not for, and of a default not to leave out what
// nobody passed.
func TestWhosePlatform(t *testing.T) {
	alone(t)
	_, release, _ := seed(t)
	info := []string{"info", "--insecure", release.PullSpec}
	if _, errors := run(t, 3, append(slices.Clone(info), "--platform", "linux/arm64")...); !strings.Contains(errors,
		"Leave --platform out") {
		t.Errorf("it was typed: %s", errors)
	}
	t.Setenv("OC_REBUILD_PLATFORM", "linux/arm64,linux/amd64")
	for _, args := range [][]string{info, plan(release.PullSpec)} {
		if _, errors := run(t, 3, args...); !strings.Contains(errors,
			"linux/arm64 is the default of OC_REBUILD_PLATFORM: pass --platform linux/amd64") {
			t.Errorf("%s: it is a default: %s", args[0], errors)
		}
	}
}

// TestJobsAreBuilds and not images that are read at once, of which the same flag says how many elsewhere.
func TestJobsAreBuilds(t *testing.T) {
	alone(t)
	r, release, _ := seed(t)
	t.Setenv("OC_REBUILD_JOBS", "none")
	run(t, 0, "info", "--insecure", release.PullSpec)
	run(t, 0, "mirror", "--insecure", "--dry-run", "--to", r.Host+"/copy/of", release.PullSpec)
	run(t, 0, "new", "--insecure", "--dry-run", "--from-release", release.PullSpec)
	if _, errors := run(t, 2, "apply", "plan.json"); !strings.Contains(errors, "jobs of OC_REBUILD_JOBS") {
		t.Errorf("apply builds, and does not take it: %s", errors)
	}
}
