package scratch_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/scratch"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// temporary lets TMPDIR name a new directory, whose name the kernel has to write in its own way.
func temporary(t *testing.T) string {
	t.Helper()
	directory, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	directory = filepath.Join(directory, "a [b] \\c")
	check(t, os.Mkdir(directory, 0o700))
	t.Setenv("TMPDIR", directory)
	return directory
}

// write makes a file and the directories above it.
func write(t *testing.T, path string) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o700))
	check(t, os.WriteFile(path, nil, 0o600))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestEnterAndLeave(t *testing.T) {
	base := temporary(t)
	d, err := scratch.Enter()
	check(t, err)
	if got := os.TempDir(); got != d.Path || filepath.Dir(got) != base {
		t.Errorf("the temporary directory is %q, want %q in %q", got, d.Path, base)
	}
	write(t, filepath.Join(d.Path, "below", "file"))
	check(t, d.Leave())
	if got := os.TempDir(); got != base || exists(d.Path) {
		t.Errorf("the temporary directory is %q after Leave(), want %q; %q exists: %v", got, base,
			d.Path, exists(d.Path))
	}
}

func TestClearTakesWhatIsDeadAndOurs(t *testing.T) {
	base := temporary(t)
	dead, job := filepath.Join(base, "oc-rebuild-run-dead"), filepath.Join(base, "oc-rebuild-job-dead")
	client, sources := filepath.Join(base, "oc-rebuild-registry-dead"), filepath.Join(base, "oc-rebuild-git-dead")
	other, link := filepath.Join(base, "buildah123"), filepath.Join(base, "oc-rebuild-run-link")
	for _, directory := range []string{dead, job, client, sources, other} {
		write(t, filepath.Join(directory, "below", "file"))
	}
	check(t, os.Symlink(other, link))
	check(t, os.Symlink(other, filepath.Join(dead, "below", "link")))
	alive, err := scratch.Enter()
	check(t, err)
	write(t, filepath.Join(alive.Path, "file"))
	t.Setenv("TMPDIR", base) // as another process has it
	found, err := scratch.Dead()
	check(t, err)
	if diff := cmp.Diff([]string{dead, job, client, sources}, found); diff != "" {
		t.Errorf("Dead() (-want +got):\n%s", diff)
	}
	removed, err := scratch.Clear(t.Context())
	check(t, err)
	if diff := cmp.Diff([]string{dead, job, client, sources}, removed); diff != "" {
		t.Errorf("Clear() (-want +got):\n%s", diff)
	}
	for path, want := range map[string]bool{dead: false, job: false, client: false, sources: false, link: true,
		filepath.Join(other, "below", "file"): true,
		filepath.Join(alive.Path, "file"):     true} {
		if exists(path) != want {
			t.Errorf("%q exists: %v, want %v", path, !want, want)
		}
	}
	check(t, alive.Leave())
}

func TestClearLeavesTheDirectoriesOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a directory for somebody else")
	}
	path := filepath.Join(temporary(t), "oc-rebuild-run-other")
	check(t, os.Mkdir(path, 0o755))
	check(t, os.Chown(path, 12345, -1))
	removed, err := scratch.Clear(t.Context())
	if err != nil || removed != nil || !exists(path) {
		t.Errorf("Clear() = %q, %v; the directory of another user exists: %v", removed, err, exists(path))
	}
}

// A client of registries, and a cache of source where the user has none, have directories of their own, which `oc rebuild
// info` leaves when it is killed.
func TestClearLeavesWhatLives(t *testing.T) {
	base := temporary(t)
	authorities := filepath.Join(t.TempDir(), "ca.crt")
	write(t, authorities)
	client, err := registry.New(registry.Options{CertificateAuthority: authorities})
	check(t, err)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(authorities, "below a file"))
	store, err := gitsrc.Open("", gitsrc.Options{})
	check(t, err)
	before, err := os.ReadDir(base)
	if err != nil || len(before) != 2 {
		t.Fatalf("they have %v, %v", before, err)
	}
	removed, err := scratch.Clear(t.Context())
	file := filepath.Join(client.SystemContext().DockerCertPath, "ca.crt")
	after, readErr := os.ReadDir(base)
	if err != nil || removed != nil || !exists(file) || readErr != nil || len(after) != 2 {
		t.Errorf("Clear() = %q, %v; of %v there are %v", removed, err, before, after)
	}
	check(t, client.Close())
	check(t, store.Close())
	if entries, err := os.ReadDir(base); err != nil || len(entries) > 0 {
		t.Errorf("they leave %v, %v", entries, err)
	}
}

// What is mounted in the directory of a dead run may be the user's own source.
func TestClearUnmountsFirst(t *testing.T) {
	base := temporary(t)
	source, point := t.TempDir(), filepath.Join(base, "oc-rebuild-run-dead", "context one", "merge")
	write(t, filepath.Join(source, "file"))
	check(t, os.MkdirAll(point, 0o700))
	for _, kind := range []string{"first", "on top"} {
		err := unix.Mount(source, point, "", unix.MS_BIND, "")
		if errors.Is(err, syscall.EPERM) {
			t.Skipf("nothing can be mounted here: %v", err)
		}
		if err != nil {
			t.Fatalf("mounting %s: %v", kind, err)
		}
	}
	defer func() { _ = unix.Unmount(point, unix.MNT_DETACH) }()
	removed, err := scratch.Clear(t.Context())
	check(t, err)
	if len(removed) != 1 || exists(filepath.Dir(point)) || !exists(filepath.Join(source, "file")) {
		t.Errorf("Clear() = %q; the mount point exists: %v, the source: %v", removed, exists(point),
			exists(filepath.Join(source, "file")))
	}
}
