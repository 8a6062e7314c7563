package rebuild_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// TestPushedImagesHaveTags looks for a tag of what is pushed: registries take what has none for garbage.
func TestPushedImagesHaveTags(t *testing.T) {
	p := newPlayground(t)
	directory := source(t,
		map[string]string{"Dockerfile": p.dockerfile("FROM BASE\nRUN [\"/bin/tool\", \"write\", \"/f\", \"x\"]\n")})
	image := p.mustRun(t, p.options(t), target("one", directory)).Components[0].Image
	repository, sum, _ := strings.Cut(image, "@sha256:")
	tags, err := payloadtest.Client(t).Tags(t.Context(), repository)
	if err != nil || !slices.Contains(tags, "one-"+sum[:12]) {
		t.Errorf("%s has the tags %q, %v", image, tags, err)
	}
}
