package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
)

// realPayload is the name that the real payload has in the registry of the playground.
const realPayload = "quay.io/openshift-release-dev/ocp-release:4.12.0-x86_64"

// TestRealPayload rebuilds real operators in a real payload, out of their real repositories. It takes minutes and
// needs data that are no part of the project: OC_REBUILD_SHARED (the payload and the configs) and OC_REBUILD_GIT_ROOT
// (a directory of ORG/REPO.git).
func TestRealPayload(t *testing.T) {
	files := realdata.Path(t, "payloads/4.12.0/release-manifests")
	root := os.Getenv("OC_REBUILD_GIT_ROOT")
	if root == "" {
		t.Skip("OC_REBUILD_GIT_ROOT does not say where the repositories of real components are")
	}
	dir := os.Getenv("OC_REBUILD_E2E_DIR")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/real",
		Setup: func(env *testscript.Env) error {
			if err := setup(env, dir, playground.Options{GitRoot: root}); err != nil {
				return err
			}
			env.Vars = append(env.Vars, "REAL_PAYLOAD="+realPayload,
				"RELEASE_REPO="+realdata.Path(t, "openshift-release-2024-08"))
			return addReal(env.Values[key{}].(*playground.Playground), files)
		},
		Cmds:                commands(),
		RequireExplicitExec: true,
	})
}

// addReal serves the payload, and stand-ins under the names that the FROM lines and the configs of its components use.
func addReal(p *playground.Playground, files string) error {
	if err := p.AddPayload(context.Background(), files, realPayload); err != nil {
		return fmt.Errorf("adding the real payload: %w", err)
	}
	for name, kind := range map[string]string{
		"ocp/builder:rhel-8-golang-1.18-openshift-4.12": "builder",
		"ocp/builder:rhel-8-golang-1.19-openshift-4.12": "builder",
		"ocp/4.12:base": "base",
	} {
		if err := p.AddBase(kind, "registry.ci.openshift.org/"+name); err != nil {
			return err
		}
	}
	return nil
}
