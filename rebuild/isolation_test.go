package rebuild_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// isolations returns every isolation that works on this machine.
func isolations(t *testing.T) []string {
	t.Helper()
	works := []string{"chroot"}
	b, err := builder.Open(t.Context(), builder.Options{StorageRoot: t.TempDir(), Temp: t.TempDir(), Isolation: "oci"})
	if err == nil {
		works = append(works, "oci")
		check(t, b.Close())
	}
	return works
}

// TestRunSeesNothingOfTheHost puts canaries everywhere a step could look, and searches all that a run leaves for them.
func TestRunSeesNothingOfTheHost(t *testing.T) {
	const canary = "canary-7f3a91"
	p := newPlayground(t)
	home := t.TempDir()
	for _, name := range []string{".docker/config.json", ".config/containers/auth.json", ".netrc",
		".git-credentials", ".ssh/id_rsa"} {
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o700))
		check(t, os.WriteFile(filepath.Join(home, name), []byte(`{"`+canary+`":{}}`), 0o600))
	}
	t.Setenv("HOME", home)
	for _, name := range []string{"GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "KUBECONFIG", "BUILDAH_CANARY",
		"SSH_AUTH_SOCK", "GOPROXY",
		"LD_PRELOAD_X"} {
		t.Setenv(name, canary)
	}
	t.Setenv("HTTPS_PROXY", "http://user:"+canary+"@proxy.example:3128")
	for _, isolation := range isolations(t) {
		t.Run(isolation, func(t *testing.T) {
			directory := source(t,
				map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"spy\", \"/seen-" +
					isolation + "\"]\n")})
			o := p.options(t)
			o.Build.Isolation = isolation
			result := p.mustRun(t, o, target("one", directory))
			data, err := json.Marshal(result)
			check(t, err)
			places := map[string]string{"the result": string(data)}
			p.addFiles(t, places, "image", p.pullLayers(t, result.Components[0].Image))
			for _, root := range []string{p.cache, p.temp} {
				addTree(t, places, root)
			}
			for place, content := range places {
				if strings.Contains(content, canary) || strings.Contains(content, home) {
					t.Errorf("%s tells of the host: %q", place, excerpt(content, canary))
				}
			}
			if seen := places["image seen-"+isolation]; !strings.Contains(seen, "PATH=/bin") {
				t.Errorf("the step saw %q: not even its own environment", seen)
			}
		})
	}
}

// TestCompileCachesStayOutOfTheImage builds with caches and without, and again with full ones.
func TestCompileCachesStayOutOfTheImage(t *testing.T) {
	p := newPlayground(t)
	for _, isolation := range isolations(t) {
		t.Run(isolation, func(t *testing.T) {
			text := "FROM BUILDER AS builder\nCOPY . /src\nRUN [\"/bin/tool\", \"compile\"]\nRUN [\"/bin/tool\", \"write\", \"/out\", \"x\"]\n" +
				"FROM BASE\nCOPY --from=builder / /all/\n"
			directory := source(t, map[string]string{"Dockerfile": p.dockerfile(text)})
			build := func(noCache bool) (*rebuild.Result, string) {
				o := p.options(t)
				o.Build.Isolation, o.NoCache = isolation, noCache
				result := p.mustRun(t, o, target("one", directory))
				log, err := os.ReadFile(result.Components[0].Log)
				check(t, err)
				return result, string(log)
			}
			without, log := build(true)
			if strings.Contains(log, "GOCACHE") {
				t.Errorf("there is a cache although none was wanted:\n%s", log)
			}
			forget(t, p)
			first, log := build(false)
			if !strings.Contains(log, "GOCACHE had 0 entries") || !strings.Contains(log, "GOMODCACHE had 0 entries") {
				t.Errorf("no empty cache was mounted:\n%s", log)
			}
			forget(t, p)
			second, log := build(false)
			if !strings.Contains(log, "GOCACHE had 1 entries") || !strings.Contains(log, "GOMODCACHE had 1 entries") {
				t.Errorf("the second build does not see what the first left in the caches:\n%s", log)
			}
			for name, result := range map[string]*rebuild.Result{"with empty caches": first,
				"with full caches": second} {
				if result.Release.Digest != without.Release.Digest {
					t.Errorf("the payload built %s is %s, without any %s", name, result.Release.Digest,
						without.Release.Digest)
				}
			}
			check(t, os.RemoveAll(filepath.Join(p.cache, "compile")))
		})
	}
}

// forget removes the records of finished builds, so that the next run builds again.
func forget(t *testing.T, p *playground) {
	t.Helper()
	check(t, os.RemoveAll(filepath.Join(p.cache, "builds")))
}
