package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

const configOfOne = `images: [{to: one}]
promotion: {to: [{namespace: ocp, name: "4.12"}]}
zz_generated_metadata: {org: example, repo: one, branch: main}
`

// gitIn runs git in a directory.
func gitIn(t *testing.T, directory string, args ...string) string {
	t.Helper()
	command := exec.Command("git", args...)
	command.Dir = directory
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a",
		"GIT_AUTHOR_EMAIL=a@example.com",
		"GIT_COMMITTER_NAME=a",
		"GIT_COMMITTER_EMAIL=a@example.com", "GIT_AUTHOR_DATE=2023-01-01T00:00:00Z",
		"GIT_COMMITTER_DATE=2023-01-01T00:00:00Z")
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, output)
	}
	return strings.TrimSpace(string(output))
}

// Each place that configs come from is usable by itself, and the match says which one decided.
func TestConfigSources(t *testing.T) {
	directory := t.TempDir()
	path := filepath.Join(directory, "ci-operator/config/example/one/example-one-main.yaml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(configOfOne), 0o644); err != nil {
		t.Fatal(err)
	}
	gitIn(t, directory, "init", "-q", "-b", "main")
	gitIn(t, directory, "add", ".")
	gitIn(t, directory, "commit", "-q", "-m", "one")
	commit := gitIn(t, directory, "rev-parse", "HEAD")
	resolver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/config" || r.URL.Query().Get("branch") != "main" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(configOfOne))
	}))
	t.Cleanup(resolver.Close)
	for name, test := range map[string]struct {
		options recipeOptions
		origin  string
		dated   bool
	}{
		"directory":      {recipeOptions{releaseRepo: directory}, directory, false},
		"revision":       {recipeOptions{releaseRepo: directory + "@main"}, directory + "@" + commit, true},
		"git repository": {recipeOptions{releaseRepo: "file://" + directory}, "@" + commit, true},
		"resolver":       {recipeOptions{configResolver: resolver.URL}, resolver.URL, false},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := gitsrc.Open(t.TempDir(), gitsrc.Options{})
			if err != nil {
				t.Fatal(err)
			}
			configs, closeConfigs, err := (&jobOptions{recipe: test.options}).configs(store)
			if err != nil {
				t.Fatal(err)
			}
			match, err := configs.Find(t.Context(), ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp",
				Name: "4.12"}, Tag: "one",
				Org: "example", Repo: "one", Ref: "main"})
			if err != nil {
				t.Fatal(err)
			}
			if match.Image != "one" || !strings.HasSuffix(match.Origin, test.origin) {
				t.Errorf("%s of %s, which says it is from %q", match.Image, match.Path, match.Origin)
			}
			if dated, ok := configs.(interface{ Time() time.Time }); ok && dated.Time().IsZero() == test.dated {
				t.Errorf("the configs are of %v", dated.Time())
			}
			if err := closeConfigs(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Nothing is opened before a config is looked for; what is not there is then an input that cannot be resolved.
func TestConfigsThatAreNotThere(t *testing.T) {
	store, err := gitsrc.Open(t.TempDir(), gitsrc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	configs, closeConfigs,
		err := (&jobOptions{recipe: recipeOptions{releaseRepo: filepath.Join(t.TempDir(), "nowhere")}}).configs(store)
	if err != nil {
		t.Fatal(err)
	}
	_, err = configs.Find(t.Context(), ciconfig.Query{Stream: ciconfig.Stream{Namespace: "ocp",
		Name: "4.12"}, Tag: "one",
		Org: "example", Repo: "one"})
	if fault.KindOf(err) != fault.Unresolved || !strings.Contains(fault.AdviceOf(err), "--release-repo") {
		t.Errorf("the error is %v with advice %q", err, fault.AdviceOf(err))
	}
	if err := closeConfigs(); err != nil {
		t.Error(err)
	}
	both := recipeOptions{releaseRepo: ".", configResolver: "https://config.ci.openshift.org"}
	if _, _, err := (&jobOptions{recipe: both}).configs(store); fault.KindOf(err) != fault.Usage {
		t.Errorf("both sources: %v", err)
	}
}
