package rebuild_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/payload/payloadtest"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// TestUnreliableRegistry does the main job with nothing at hand, and a registry that fails every third request: bases
// are pulled, images and the payload are pushed, and what comes out is what a reliable registry would have got.
func TestUnreliableRegistry(t *testing.T) {
	runs := uint64(2)
	if isLong() {
		runs = 8
	}
	p := newPlayground(t)
	directory := source(
		t,
		map[string]string{
			"Dockerfile": p.dockerfile(
				"FROM BUILDER AS b\nRUN [\"/bin/tool\", \"write\", \"/made\", \"x\"]\nFROM BASE\nCOPY --from=b /bin/go /bin/made\n"),
		},
	)
	want := ""
	for run := range runs + 1 {
		p.cache, p.storage = t.TempDir(), t.TempDir()
		o := p.options(t)
		client, err := registry.New(
			registry.Options{Insecure: true, Platform: "linux/amd64", SignaturePolicy: p.policy,
				Delay: time.Millisecond, Patience: time.Second})
		check(t, err)
		o.Reading, o.Pushing = client, client
		unreliable := payloadtest.NewUnreliable(p.registry.Handler, run, 0.3)
		if run > 0 {
			p.registry.Fail(unreliable.Fail)
		}
		job, err := rebuild.New(o)
		check(t, err)
		to := fmt.Sprintf("%s/mine/release%d:new", p.registry.Host, run)
		_, err = job.Run(
			t.Context(),
			plan.Request{Release: p.release.Tagged, To: to,
				ToRepository: fmt.Sprintf("%s/mine/images%d", p.registry.Host, run),
				Targets:      []plan.Target{target("one", directory)}},
		)
		check(t, job.Close())
		check(t, client.Close())
		p.registry.Fail(nil)
		if err != nil {
			t.Errorf("run %d: %v", run, err)
			continue
		}
		release, err := payload.Open(t.Context(), payloadtest.Client(t), to)
		check(t, err)
		component, err := release.Component("one")
		check(t, err)
		_, digest, _ := strings.Cut(component.Image, "@")
		if run == 0 {
			want = digest
		}
		if digest != want || run > 0 && len(unreliable.Failed()) == 0 {
			t.Errorf("run %d made %s, want %s; failures: %v", run, digest, want, unreliable.Failed())
		}
	}
}
