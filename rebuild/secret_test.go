package rebuild_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// TestSecretsReachOnlyTheStepThatAsks gives a secret to a build, and searches the image and all that the run leaves
// for it.
func TestSecretsReachOnlyTheStepThatAsks(t *testing.T) {
	const canary = "canary-secret-51c0"
	p := newPlayground(t)
	file := filepath.Join(t.TempDir(), "token")
	check(t, os.WriteFile(file, []byte(canary), 0o600))
	directory := source(t, map[string]string{"Dockerfile": p.dockerfile(
		"FROM BASE\nRUN --mount=type=secret,id=token,required=true [\"/bin/tool\", \"copy\", \"/run/secrets/token\", \"/dev/null\"]\n" +
			"RUN [\"/bin/tool\", \"spy\", \"/seen\"]\n")})
	if _, err := p.run(t, t.Context(), p.options(t), target("one", directory)); fault.KindOf(err) != fault.Build {
		t.Errorf("Run() without the secret = %v, want a failed build", err)
	}
	o := p.options(t)
	o.Secrets = []string{"id=token,src=" + file}
	result := p.mustRun(t, o, target("one", directory))
	places := map[string]string{}
	p.addFiles(t, places, "image", p.pullLayers(t, result.Components[0].Image))
	for _, root := range []string{p.cache, p.temp} {
		addTree(t, places, root)
	}
	for place, content := range places {
		if strings.Contains(content, canary) {
			t.Errorf("%s holds the secret: %q", place, excerpt(content, canary))
		}
	}
}
