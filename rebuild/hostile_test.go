package rebuild_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// A config and a source that try to reach outside of the source: refused as what cannot be resolved, quickly, and
// without a word of what lies there.
func TestHostileRecipes(t *testing.T) {
	p := newPlayground(t)
	secret := filepath.Join(t.TempDir(), "secret")
	check(t, os.WriteFile(secret, []byte("FROM canary-c0ffee\n"), 0o600))
	config := func(image string) string {
		return "images:\n- {to: one, " + image +
			"}\npromotion: {to: [{namespace: ocp, name: \"4.12\"}]}\nzz_generated_metadata: {org: example, repo: one, branch: main}\n"
	}
	for name, image := range map[string]string{
		"traversal":              "dockerfile_path: ../../../../" + secret,
		"absolute":               "dockerfile_path: " + secret,
		"link":                   "dockerfile_path: link",
		"link to a directory":    "context_dir: directory, dockerfile_path: secret",
		"context":                "context_dir: ../..",
		"pipe":                   "dockerfile_path: pipe",
		"directory":              "dockerfile_path: sub",
		"destination":            "inputs: {src: {paths: [{source_path: /go/src/github.com/example/one/., destination_dir: ../../x}]}}",
		"cyclic":                 "from: one",
		"unknown":                "from: nothing",
		"bundle":                 "from: ci-bundle",
		"control character":      `dockerfile_literal: "FROM \x1b[31mred"`,
		"missing build argument": `dockerfile_literal: "FROM $NOTHING"`,
	} {
		t.Run(name, func(t *testing.T) {
			one := source(t, map[string]string{"config.yaml": config(image),
				"Dockerfile": "FROM scratch\n", "sub/file": ""})
			check(t, os.Symlink(secret, filepath.Join(one, "link")))
			check(t, os.Symlink(filepath.Dir(secret), filepath.Join(one, "directory")))
			check(t, syscall.Mkfifo(filepath.Join(one, "pipe"), 0o600))
			job, err := rebuild.New(p.options(t))
			check(t, err)
			request := p.request(plan.Target{Name: "one", Source: one, Config: filepath.Join(one, "config.yaml")})
			request.BasePolicy = plan.PolicyCI
			started := time.Now()
			planned, err := planOf(t, job, request)
			check(t, job.Close())
			if fault.KindOf(err) != fault.Unresolved {
				t.Errorf("the plan is %+v, the error %v", planned, err)
			}
			if text := fmt.Sprint(err, fault.AdviceOf(err)); strings.Contains(text, "c0ffee") {
				t.Errorf("the error shows what it should not have read: %s", text)
			}
			if took := time.Since(started); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
