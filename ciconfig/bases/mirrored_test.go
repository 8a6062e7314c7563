package bases_test

import (
	"testing"
	"testing/fstest"

	"github.com/oc-rebuild/oc-rebuild/ciconfig/bases"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

func TestMirrored(t *testing.T) {
	const name = "core-services/image-mirroring/_config.yaml"
	rules, err := bases.Mirrored(fstest.MapFS{name: {Data: []byte(`supplementalCIImages:
  ocp/ubi:8:
    image: registry.access.redhat.com/ubi8/ubi:latest
  ci/go:1.22:
    image: docker.io/library/golang:1.22
  ci/star:*:
    image: quay.io/x/star:1
  ci/unnamed:1:
    as: elsewhere
  "ci/hostile:1":
    image: "quay.io/x\nRUN id"
other: [1]
`)}})
	if err != nil || len(rules) != 2 {
		t.Fatalf("Mirrored = %+v, %v, want two rules", rules, err)
	}
	got, rule, ok := rules.Lookup("registry.ci.openshift.org/ocp/ubi:8")
	if !ok || got != "registry.access.redhat.com/ubi8/ubi:latest" || rule.Note == "" {
		t.Errorf("Lookup = %q, %+v, %v", got, rule, ok)
	}
	if rules, err := bases.Mirrored(fstest.MapFS{}); err != nil || rules != nil {
		t.Errorf("a tree without the file: %v, %v", rules, err)
	}
	for _, bad := range []fstest.MapFS{
		{name: {Data: []byte("supplementalCIImages: [")}}, {name: {Data: []byte("supplementalCIImages: 7")}},
		{name: {Data: make([]byte, bases.MaxSize+1)}}, {name + "/x": {}},
	} {
		if rules, err := bases.Mirrored(bad); fault.KindOf(err) != fault.Unresolved {
			t.Errorf("Mirrored = %v, %v, want an error", rules, err)
		}
	}
}
