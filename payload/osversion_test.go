package payload_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
)

// A change of the operating system changes its version. That needs a full extraction only where a manifest has the
// version.
func TestAnotherOperatingSystemVersion(t *testing.T) {
	const old, next = "417.9.1-0", "417.9.1-0.modified-01234567"
	system := func(version string) payloadtest.Component {
		return payloadtest.Component{Name: "stream-coreos", Labels: map[string]string{
			"io.openshift.build.versions":              "machine-os=" + version,
			"io.openshift.build.version-display-names": "machine-os=CoreOS"}}
	}
	for _, test := range []struct {
		description, text string
		want              payload.Method
	}{
		{"no manifest has the version", "", payload.Delta},
		{"a manifest has it", "\n  os: " + payloadtest.Snapshot + "-machine-os", payload.Full},
	} {
		t.Run(test.description, func(t *testing.T) {
			r := payloadtest.NewRegistry(t)
			operator := "kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: x\ndata:\n  image: " +
				payloadtest.Placeholder("stream-coreos") + test.text + "\n"
			seeded := r.Seed(t, payloadtest.Release{Name: "4.17.0", Created: when,
				Versions: map[string]string{"machine-os": old},
				Components: []payloadtest.Component{
					{Name: "cluster-version-operator",
						Manifests: map[string]string{"cvo.yaml": "kind: ConfigMap\napiVersion: v1\n"}},
					{Name: "machine-config-operator", Manifests: map[string]string{"mco.yaml": operator}},
					system(old)}})
			change := payload.Change{Component: "stream-coreos",
				Image: r.Push(t, "me/os", "new", system(next).Image(when.Add(time.Hour)).Build(t))}
			release, client := open(t, seeded.PullSpec), payloadtest.Client(t)
			got := map[payload.Method]map[string]string{}
			for _, method := range []payload.Method{"", payload.Full} {
				assembly, err := payload.Assemble(context.Background(), client, release, []payload.Change{change},
					payload.AssembleOptions{Method: method})
				if err != nil {
					t.Fatal(err)
				}
				if method == "" && assembly.Method != test.want {
					t.Errorf("assembled by %s (%s), want %s", assembly.Method, assembly.Reason, test.want)
				}
				got[method] = map[string]string{}
				for _, file := range assembly.Files() {
					got[method][file.Name] = string(file.Data)
				}
			}
			if diff := cmp.Diff(got[payload.Full], got[""]); diff != "" {
				t.Errorf("files of the release (-full +got):\n%s", diff)
			}
		})
	}
}
