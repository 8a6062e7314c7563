package cluster

import (
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

// TestWholePayload builds every component of a payload on the cluster, while the registry fails a tenth of all requests
// and the API server is away for some seconds now and then, as far as the program that follows can see. The payload is
// the one that is made here.
func TestWholePayload(t *testing.T) {
	if os.Getenv("OC_REBUILD_LONG") == "" {
		t.Skip("`make test-cluster OC_REBUILD_LONG=1` runs it, ten minutes")
	}
	e := newEngine(t, playground.Options{Whole: true})
	release := e.p.Registry.Host + "/me/release"
	all := func(tag string, more ...string) []string {
		return append([]string{"--all", "--branch", playground.WholeBranch, "--exclude", "driver-toolkit",
			"--from-release", e.p.Payload, "--release-repo", e.p.ReleaseRepo,
			"--to-image", release + ":" + tag, "--to-repository", e.p.Registry.Host + "/me/images"}, more...)
	}
	here, _ := e.run(0, all("here")...)

	w := &world{t: t, api: e.api, home: t.TempDir(), kubeconfig: e.flags[len(e.flags)-1]}
	proxy, kubeconfig := w.newProxy()
	e.flags[len(e.flags)-1] = kubeconfig
	var failed, answered atomic.Int64
	e.p.Registry.Fail(func(w http.ResponseWriter, _ *http.Request) bool {
		if answered.Add(1); rand.IntN(10) > 0 {
			return false
		}
		failed.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	over := make(chan struct{})
	var disturbing sync.WaitGroup
	disturbing.Go(func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(20 * time.Second):
				proxy.goAway(3 * time.Second)
			}
		}
	})
	there, said := e.run(0, all("there", e.flags...)...)
	close(over)
	disturbing.Wait()
	t.Logf("%d of %d requests failed", failed.Load(), answered.Load())
	if there != here {
		t.Errorf("the payload is %s, here it is %s\n%s", there, here, said)
	}
	if built := strings.Count(said, ": build done: "); built < 190 {
		t.Errorf("%d components were built\n%s", built, said)
	}
}
