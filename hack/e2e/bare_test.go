package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

// bare makes a rebuild of two components where no other program can be found, no home is named, and container tools
// have no configuration but for where the registries are.
func bare(ctx context.Context, p *playground.Playground, binary, own string) *exec.Cmd {
	command := exec.CommandContext(ctx, binary, "machine-config-operator", "coredns", "--from-release", p.Payload,
		"--to-image", p.Registry.Host+"/me/release:bare", "--release-repo", p.ReleaseRepo,
		"--cache-dir", filepath.Join(own, "cache"), "--storage-root", filepath.Join(own, "storage"))
	command.Dir = own
	command.Env = []string{"PATH=" + own, "TMPDIR=" + own}
	for _, variable := range p.Env() {
		if strings.HasPrefix(variable, "CONTAINERS_REGISTRIES_CONF=") ||
			strings.HasPrefix(variable, "GIT_CONFIG_GLOBAL=") {
			command.Env = append(command.Env, variable)
		}
	}
	return command
}

// TestBareMachine builds without netavark, OCI runtimes, policy.json and the like. Users without root have the two
// programs that they need.
func TestBareMachine(t *testing.T) {
	own, err := os.MkdirTemp(os.Getenv("OC_REBUILD_E2E_DIR"), "bare-")
	check(t, err)
	defer playground.Remove(own) //nolint:errcheck // removed with the rest
	for _, program := range []string{"newuidmap", "newgidmap"} {
		if path, err := exec.LookPath(program); err == nil && os.Geteuid() != 0 {
			check(t, os.Symlink(path, filepath.Join(own, program)))
		}
	}
	p, err := playground.Start(t.Context(), t.TempDir(), playground.Options{})
	check(t, err)
	defer p.Close()
	binary, err := exec.LookPath("oc-rebuild")
	check(t, err)
	command := bare(t.Context(), p, binary, own)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil || !strings.Contains(out.String(), "@sha256:") {
		t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
	}
	doctor := bare(t.Context(), p, binary, own)
	doctor.Args = []string{binary, "doctor"}
	findings, err := doctor.CombinedOutput()
	if err != nil && len(findings) == 0 {
		t.Fatalf("doctor: %v", err)
	}
	want := strings.Count(string(findings), "Steps see this machine") // 0 where they have processes of their own
	before, _, _ := strings.Cut(errs.String(), ": build … ")
	if said := "warning: chroot isolation, for no OCI runtime"; strings.Count(errs.String(), said) != want ||
		strings.Count(before, said) != want {
		t.Errorf("the run does not say, once and before the first build, what doctor says (%d) of what steps see:\n%s",
			want, errs.String())
	}
}

// TestWithoutMappers names the package of what a user without root lacks, before anything is asked of the registry.
func TestWithoutMappers(t *testing.T) {
	p, err := playground.Start(t.Context(), t.TempDir(), playground.Options{})
	check(t, err)
	defer p.Close()
	own, binary := t.TempDir(), ""
	attributes := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		own, binary = stranger(t)
		attributes.Credential = &syscall.Credential{Uid: strangerID, Gid: strangerID}
	} else {
		binary, err = exec.LookPath("oc-rebuild")
		check(t, err)
	}
	command := bare(t.Context(), p, binary, own)
	command.SysProcAttr = attributes
	p.Registry.Reset()
	output, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "newuidmap") ||
		!strings.Contains(string(output), "package uidmap (Debian") {
		t.Errorf("%v, want the package that has newuidmap:\n%s", err, output)
	}
	if requests := p.Registry.Requests(); len(requests) > 0 {
		t.Errorf("that was said after %v", requests)
	}
}
