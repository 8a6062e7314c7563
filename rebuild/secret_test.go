package rebuild_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// TestSecretsAreInputs builds with one secret, then with another: what was made of the first is not taken for the
// second.
func TestSecretsAreInputs(t *testing.T) {
	p := newPlayground(t)
	directory := source(t, map[string]string{"Dockerfile": p.dockerfile(
		"FROM BASE\nRUN --mount=type=secret,id=token [\"/bin/tool\", \"copy\", \"/run/secrets/token\", \"/made\"]\n")})
	images := map[string]string{}
	for _, secret := range []string{"first", "second", "first"} {
		file := filepath.Join(t.TempDir(), "token")
		check(t, os.WriteFile(file, []byte(secret), 0o600))
		o := p.options(t)
		o.Secrets, o.Results = []string{"id=token,src=" + file}, p.registry.Host+"/results"
		image := p.mustRun(t, o, target("one", directory)).Components[0].Image
		if before := images[secret]; before != "" && image != before {
			t.Errorf("of %q the image is %s, it was %s", secret, image, before)
		}
		images[secret] = image
	}
	if images["first"] == images["second"] {
		t.Errorf("of two secrets there is one image, %s", images["first"])
	}
	places := map[string]string{}
	addTree(t, places, filepath.Join(p.cache, "builds"))
	for place := range places {
		if strings.HasSuffix(place, ".json") {
			t.Errorf("%s records what was made of a secret", place)
		}
	}
}

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
