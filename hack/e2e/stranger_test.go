package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/hack/playground"
)

// strangerID is of a user without a name and without ranges in /etc/subuid.
const strangerID = 54321

// stranger makes a directory for a stranger, and puts the program into it.
func stranger(t *testing.T) (own, binary string) {
	t.Helper()
	own = filepath.Join(t.TempDir(), "own")
	check(t, os.Chmod(filepath.Dir(filepath.Dir(own)), 0o755))
	check(t, os.Mkdir(own, 0o700))
	check(t, os.Chown(own, strangerID, strangerID))
	installed, err := exec.LookPath("oc-rebuild")
	check(t, err)
	data, err := os.ReadFile(installed)
	check(t, err)
	binary = filepath.Join(own, "oc-rebuild")
	check(t, playground.WriteProgram(binary, data))
	return own, binary
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestStranger does the main job as a user without a name, without ranges in /etc/subuid and without anything in the
// environment that a login sets: what a container with an arbitrary user ID has.
func TestStranger(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	own, binary := stranger(t)
	p, err := playground.Start(t.Context(), t.TempDir(), playground.Options{})
	check(t, err)
	defer p.Close()
	check(t, filepath.WalkDir(p.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		if entry.IsDir() {
			return os.Chmod(path, 0o755)
		}
		return os.Chmod(path, 0o644)
	}))
	run := func(args ...string) (stdout string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), binary, args...)
		command.Dir = own
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: strangerID, Gid: strangerID}}
		command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + own, "TMPDIR=" + own}
		for _, variable := range p.Env() {
			if name, _, _ := strings.Cut(variable, "="); name != "HOME" && name != "TMPDIR" &&
				name != "CONTAINERS_STORAGE_CONF" &&
				!strings.HasPrefix(name, "XDG_") {
				command.Env = append(command.Env, variable)
			}
		}
		var out, errs bytes.Buffer
		command.Stdout, command.Stderr = &out, &errs
		if err := command.Run(); err != nil {
			t.Fatalf("oc-rebuild %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
		}
		return out.String()
	}
	if report := run("doctor", "-o", "json"); !strings.Contains(report, "54321") {
		t.Errorf("doctor does not say for whom it looked:\n%s", report)
	}
	made := strings.TrimSpace(run("machine-config-operator", "--from-release", p.Payload, "--to-image",
		p.Registry.Host+"/me/release:stranger",
		"--release-repo", p.ReleaseRepo, "--cache-dir", filepath.Join(own, "cache"), "--storage-root",
		filepath.Join(own, "storage")))
	if !strings.Contains(made, "@sha256:") {
		t.Errorf("the new payload is %q", made)
	}
}
