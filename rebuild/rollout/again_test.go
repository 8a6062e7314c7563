package rollout_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/rollout"
)

// TestSetAgain deploys what is deployed already, into a ConfigMap alone: once more, where the first run was cut off before
// it restarted what reads the ConfigMap, and where the cluster version operator had put the text back.
func TestSetAgain(t *testing.T) {
	release, s, c := seed(t)
	s.Delete(dnsPath)
	payloads, mco := s.Get(mapPath, "data"), s.Get(mcoPath)
	set := func() []rollout.Object {
		t.Helper()
		workloads, err := c.Set(t.Context(), find(t, release, "cli"),
			rollout.Record{Image: "example.org/cli@sha256:1", Since: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		return workloads
	}
	set()
	restarted := s.Get(mcoPath)
	if workloads := set(); len(workloads) != 1 || s.Get(mcoPath) != restarted {
		t.Errorf("deployed again: waits for %v, %s", workloads, s.Get(mcoPath))
	}
	s.Put(t, mcoPath, mco)
	if set(); !strings.Contains(s.Get(mcoPath), "oc-rebuild/restarted") {
		t.Errorf("what reads the ConfigMap was not restarted: %s", s.Get(mcoPath))
	}
	var config map[string]any
	if err := json.Unmarshal([]byte(s.Get(mapPath)), &config); err != nil {
		t.Fatal(err)
	}
	config["data"] = json.RawMessage(payloads)
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	s.Put(t, mapPath, string(text))
	if set(); !strings.Contains(s.Get(mapPath), "example.org/cli@sha256:1") {
		t.Errorf("after it was put back: %s", s.Get(mapPath))
	}
	if _, err := c.Restore(t.Context()); err != nil || s.Get(mapPath, "data") != payloads {
		t.Errorf("restored: %s, %v", s.Get(mapPath), err)
	}
}

// TestCutOff cuts the connection before each of the writes of Set and Restore in turn: the next Restore finishes what is
// left. Nothing stays that would look as if somebody else had made it, and nothing that does not read what is put back.
func TestCutOff(t *testing.T) {
	for _, component := range []string{"coredns", "cli"} {
		for cut := 1; ; cut++ {
			if cutOff(t, component, cut) {
				if cut < 5 {
					t.Errorf("%s: %d writes", component, cut)
				}
				break
			}
		}
	}
}

// TestSettle waits for the operator of the namespace alone, and until it has nothing more to do.
func TestSettle(t *testing.T) {
	release, s, c := seed(t)
	workloads := []rollout.Object{find(t, release, "coredns").Places[0].Object}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := c.Settle(ctx, workloads, time.Millisecond); err != nil {
		t.Errorf("a cluster without operators: %v", err)
	}
	const path = "/apis/config.openshift.io/v1/clusteroperators"
	operator := func(name, namespace, progressing string) string {
		return `{"metadata":{"name":"` + name + `"},"status":{"relatedObjects":[{"resource":"namespaces","name":"` +
			namespace + `"}],"conditions":[` +
			`{"type":"Available","status":"True"},{"type":"Upgradeable","status":"False"},{"type":"Progressing","status":"` + progressing + `","message":"rolling out"}]}}`
	}
	put := func(progressing string) {
		s.Put(t, path, `{"items":[`+operator("dns", "openshift-dns-operator", progressing)+`,`+operator("other",
			"openshift-other", "True")+`]}`)
	}
	put("True")
	var told []string
	c.Tell = func(text string) {
		told = append(told, text)
		put("False")
	}
	if err := c.Settle(ctx, workloads, time.Millisecond); err != nil || len(told) != 1 ||
		told[0] != "clusteroperator/dns: Progressing is True: rolling out" {
		t.Errorf("Settle: %v; told %q", err, told)
	}
	put("True")
	c.Tell = nil
	short, cancelShort := context.WithTimeout(context.Background(), time.Second)
	defer cancelShort()
	if err := c.Settle(short, workloads, time.Millisecond); err == nil ||
		!strings.Contains(err.Error(), "rolling out") {
		t.Errorf("an operator that does not come to rest: %v", err)
	}
}

// TestManyUsers deploys and restores two components of one Deployment from several places at once. In the end the
// cluster version operator leaves the Deployment alone exactly if something is deployed there.
func TestManyUsers(t *testing.T) {
	release, s, c := seed(t)
	ctx := context.Background()
	for round := range 60 {
		var users sync.WaitGroup
		for user, name := range []string{"coredns", "cluster-dns-operator", "coredns", "cluster-dns-operator"} {
			sites := find(t, release, name)
			users.Go(func() {
				var err error
				if (round+user/2)%2 == 0 {
					_, err = c.Set(ctx, sites,
						rollout.Record{Image: fmt.Sprintf("example.org/%s@sha256:%d", name, round)})
				} else if _, err = c.Restore(ctx, name); fault.KindOf(err) == fault.Unresolved { // another was faster
					err = nil
				}
				if err != nil {
					t.Errorf("round %d, user %d: %v", round, user, err)
				}
			})
		}
		users.Wait()
		isDeployed := strings.Contains(s.Get(dnsPath), "oc-rebuild")
		isLeftAlone := strings.Contains(s.Get("/apis/config.openshift.io/v1/clusterversions/version"), `"dns-operator"`)
		if isDeployed && !isLeftAlone {
			t.Fatalf("round %d: the operator would be put back: %s", round, s.Get(dnsPath))
		}
		if _, err := c.Restore(ctx); err != nil {
			t.Fatal(err)
		}
		if got := s.Get("/apis/config.openshift.io/v1/clusterversions/version"); strings.Contains(got,
			`"dns-operator"`) != strings.Contains(s.Get(dnsPath), "oc-rebuild") {
			t.Fatalf("round %d: after all was restored: %s", round, got)
		}
	}
}
