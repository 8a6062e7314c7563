package playground_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

func start(t *testing.T, options playground.Options) *playground.Playground {
	t.Helper()
	p, err := playground.Start(t.Context(), t.TempDir(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestPayloads(t *testing.T) {
	p := start(t, playground.Options{})
	for _, pullspec := range []string{p.Payload, p.OKDPayload} {
		release, err := p.Release(t.Context(), pullspec)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(release.References.Spec.Tags); n < 150 {
			t.Errorf("%s has %d components, want 150 or more", pullspec, n)
		}
		if _, ok := release.References.Annotations["release.openshift.io/from-image-stream"]; !ok {
			t.Errorf("%s does not say which stream it is from", pullspec)
		}
		for _, tag := range release.References.Spec.Tags {
			if _, err := p.Image(t.Context(), tag.From.Name); err != nil {
				t.Errorf("component %s: %v", tag.Name, err)
			}
		}
		for name, data := range release.Files {
			if bytes.Contains(data, []byte("placeholder")) || bytes.Contains(data, []byte("0.0.1-snapshot")) {
				t.Errorf("%s: %s was not substituted:\n%s", pullspec, name, data)
			}
		}
	}
}

// The release image is what `oc adm release new` would make: one layer on the cluster-version-operator image, whose
// digest it names.
func TestReleaseImageIsBasedOnTheVersionOperator(t *testing.T) {
	p := start(t, playground.Options{})
	release, err := p.Release(t.Context(), p.Payload)
	if err != nil {
		t.Fatal(err)
	}
	img, err := p.Image(t.Context(), p.Payload)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cvo := release.PullSpec("cluster-version-operator")
	if digest := config.Config.Labels["io.openshift.release.base-image-digest"]; !strings.HasSuffix(cvo,
		"@"+digest) || digest == "" {
		t.Errorf("base image digest = %q, want that of %s", digest, cvo)
	}
	base, err := p.Image(t.Context(), cvo)
	if err != nil {
		t.Fatal(err)
	}
	below, _ := base.Layers()
	all, _ := img.Layers()
	if len(all) != len(below)+1 {
		t.Errorf("the release image has %d layers, want one more than the %d of its base", len(all), len(below))
	}
}

func TestProgramsOfThePayloadRun(t *testing.T) {
	p := start(t, playground.Options{})
	release, err := p.Release(t.Context(), p.Payload)
	if err != nil {
		t.Fatal(err)
	}
	program, err := p.Program(t.Context(), release.PullSpec("machine-config-operator"),
		"usr/bin/machine-config-operator", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	head, err := p.Head(t.Context(), "openshift/machine-config-operator", "release-4.17")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "version").CombinedOutput()
	if want := "machine-config-operator v4.17.0 (" + head + ")\n"; err != nil || string(out) != want {
		t.Errorf("version = %q, %v, want %q", out, err, want)
	}
}

func TestGitServerAnswersForTheHostOfThePayload(t *testing.T) {
	p := start(t, playground.Options{})
	dir := filepath.Join(t.TempDir(), "fork")
	clone := exec.Command("git", "clone", "--quiet", "--branch", "patient",
		"https://github.com/alice/machine-config-operator", dir)
	clone.Env = append(os.Environ(), p.Env()...)
	if out, err := clone.CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v: %s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "pkg/drain/drain.go"))
	if err != nil || !strings.Contains(string(data), "24 * time.Hour") {
		t.Errorf("the fork's branch has no change of its own: %v", err)
	}
}

func TestStrictGitServerRefusesCommitsByName(t *testing.T) {
	tests := []struct {
		description string
		options     playground.GitOptions
		served      bool
	}{
		{"as github.com", playground.GitOptions{}, true},
		{"only refs, original protocol", playground.GitOptions{Want: "none", Version1: true}, false},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			p := start(t, playground.Options{Git: test.options})
			parent := exec.Command("git", "rev-parse", "refs/heads/release-4.17~2")
			parent.Dir = filepath.Join(p.Dir, "git/openshift/machine-config-operator.git")
			commit, err := parent.Output()
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for _, args := range [][]string{
				{"init", "--quiet"},
				{"fetch", "--depth=1", "https://github.com/openshift/machine-config-operator",
					strings.TrimSpace(string(commit))},
			} {
				cmd := exec.Command("git", args...)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), p.Env()...)
				err = cmd.Run()
			}
			if served := err == nil; served != test.served {
				t.Errorf("fetching a commit below a branch: %v, want served = %v", err, test.served)
			}
		})
	}
}

func TestStartSaysWhatTakesAWhile(t *testing.T) {
	var steps []string
	p, err := playground.Start(t.Context(), t.TempDir(),
		playground.Options{Report: func(step string) { steps = append(steps, step) }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if len(steps) == 0 || !strings.Contains(steps[len(steps)-1], "git repositories") {
		t.Errorf("the steps were %q", steps)
	}
}
