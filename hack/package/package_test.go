package packaging

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

var dist = flag.String("dist", "", "directory with what `make packages` made; `make test-packages` names it")

func TestMain(m *testing.M) {
	if builder.Reexec() {
		return
	}
	flag.Parse()
	if *dist != "" {
		if err := builder.EnterUserNamespace(context.Background()); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// made returns the path of the one file with an ending.
func made(t *testing.T, ending string) string {
	t.Helper()
	if *dist == "" {
		t.Skip("packages are tested by `make test-packages`, which makes them")
	}
	found, err := filepath.Glob(filepath.Join(*dist, "oc-rebuild_*"+ending))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %q, %v; remove dist and make it again", ending, found, err)
	}
	return found[0]
}

func run(t *testing.T, directory, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = directory
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// checkProgram runs a program that was unpacked. It needs nothing of the machine, and knows its version.
func checkProgram(t *testing.T, program string) {
	t.Helper()
	var version struct{ Version string }
	if err := json.Unmarshal([]byte(run(t, "", program, "version", "-o", "json")), &version); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(version.Version, "v") || !strings.Contains(made(t, ".tar.gz"), "_"+version.Version[1:]+"_") {
		t.Errorf("the program says that it is %q in %s", version.Version, made(t, ".tar.gz"))
	}
	if out, err := exec.Command("ldd", program).CombinedOutput(); err == nil {
		t.Errorf("%s needs libraries: %s", program, out)
	}
}

func TestChecksums(t *testing.T) {
	made(t, ".deb")
	run(t, *dist, "sha256sum", "--check", "--strict", "SHA256SUMS")
}

func TestArchive(t *testing.T) {
	directory := t.TempDir()
	run(t, directory, "tar", "xzf", made(t, ".tar.gz"))
	for _, name := range []string{"LICENSE", "README.md", "man/oc-rebuild.1", "oc_complete-rebuild"} {
		if _, err := os.Stat(filepath.Join(directory, name)); err != nil {
			t.Error(err)
		}
	}
	checkProgram(t, filepath.Join(directory, "oc-rebuild"))
}

func TestDeb(t *testing.T) {
	path, directory := made(t, ".deb"), t.TempDir()
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("dpkg-deb is not here")
	}
	run(t, "", "dpkg-deb", "--extract", path, directory)
	checkProgram(t, filepath.Join(directory, "usr", "bin", "kubectl-rebuild"))
	if fields := run(t, "", "dpkg-deb", "--field", path); !strings.Contains(fields, "Recommends: uidmap, crun\n") {
		t.Errorf("the package says\n%s", fields)
	}
}

func TestRPM(t *testing.T) {
	path := made(t, ".rpm")
	if _, err := exec.LookPath("rpm"); err != nil {
		t.Skip("rpm is not here")
	}
	files := run(t, "", "rpm", "--query", "--package", "--list", path)
	for _, name := range []string{"/usr/bin/oc-rebuild", "/usr/bin/oc_complete-rebuild",
		"/usr/share/man/man1/oc-rebuild-plan.1"} {
		if !strings.Contains(files, name+"\n") {
			t.Errorf("%s is not in the package:\n%s", name, files)
		}
	}
}

// TestSBOM finds the libraries that matter most, with the versions that the program was built with.
func TestSBOM(t *testing.T) {
	data, err := os.ReadFile(made(t, ".cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(data, &document); err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, c := range document.Components {
		versions[c.Name] = c.Version
	}
	for _, module := range []string{"go.podman.io/buildah", "go.podman.io/storage", "github.com/go-git/go-git/v5"} {
		if want := strings.TrimSpace(run(t, "", "go", "list", "-f", "{{.Version}}", "-m",
			module)); versions[module] != want {
			t.Errorf("%s is %q, want %q", module, versions[module], want)
		}
	}
}

// TestKrew gives the manifest to krew's own validator, and installs the plugin with krew.
func TestKrew(t *testing.T) {
	archive, manifest := made(t, ".tar.gz"), filepath.Join(*dist, "release-rebuild.yaml")
	const krew = "sigs.k8s.io/krew/cmd/"
	run(t, "", "go", "run", krew+"validate-krew-manifest@v0.4.3", "-manifest", manifest, "-skip-install")
	data, err := os.ReadFile(manifest)
	if err != nil || !strings.Contains(string(data), "/"+filepath.Base(archive)+"\n") {
		t.Errorf("krew would fetch something else than %s: %v\n%s", filepath.Base(archive), err, data)
	}
	root := t.TempDir()
	t.Setenv("KREW_ROOT", root)
	run(t, "", "go", "run", krew+"krew@v0.4.3", "install", "--manifest", manifest, "--archive", archive)
	plugin := filepath.Join(root, "bin", "kubectl-release_rebuild")
	checkProgram(t, plugin)
	if help := run(t, "", plugin, "--help"); !strings.Contains(help, "kubectl release-rebuild plan") ||
		strings.Contains(help, "oc rebuild") {
		t.Errorf("the help calls the plugin something else:\n%s", help)
	}
}

// TestImage builds the program's own image with its own builder. A step of it runs the program.
func TestImage(t *testing.T) {
	made(t, ".tar.gz")
	run(t, "", "./image")
	directory := t.TempDir()
	policy := filepath.Join(directory, "policy.json")
	if err := os.WriteFile(policy, []byte(`{"default": [{"type": "insecureAcceptAnything"}]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	b, err := builder.Open(t.Context(), builder.Options{StorageRoot: filepath.Join(directory, "storage"),
		Isolation: "chroot", Temp: directory,
		SystemContext: &types.SystemContext{SignaturePolicyPath: policy}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	text, err := os.ReadFile(filepath.Join("..", "..", "Containerfile"))
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	image, err := b.Build(context.WithoutCancel(t.Context()),
		builder.Build{Name: "oc-rebuild", Context: filepath.Join(*dist, "image"), Dockerfile: text,
			Timestamp: time.Unix(1700000000, 0), Log: io.Writer(&log)})
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	if !strings.Contains(log.String(), "oc-rebuild v") {
		t.Errorf("the program did not say its version in the build:\n%s", log.String())
	}
	if !strings.Contains(string(image.Config), `"Entrypoint":["/usr/bin/oc-rebuild"]`) {
		t.Errorf("the config is %s", image.Config)
	}
	if err := b.View(image, func(root *os.Root) error {
		for _, name := range []string{"etc/ssl/certs/ca-certificates.crt", "usr/bin/kubectl-rebuild", "var/tmp"} {
			if _, err := root.Lstat(name); err != nil {
				t.Error(err)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
