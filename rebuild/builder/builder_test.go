package builder_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

func TestMain(m *testing.M) {
	if builder.Reexec() {
		return
	}
	if os.Getenv(builder.Without) != "" { // in a namespace already
		os.Exit(m.Run())
	}
	if err := builder.EnterUserNamespace(context.Background()); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

var when = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// open opens a builder in a storage of its own, and checks in the end that it leaves no temporary files.
func open(t *testing.T) *builder.Builder {
	t.Helper()
	temp := t.TempDir()
	policy := filepath.Join(files(t,
		map[string]string{"policy.json": `{"default": [{"type": "insecureAcceptAnything"}]}`}), "policy.json")
	b, err := builder.Open(t.Context(), builder.Options{
		StorageRoot: t.TempDir(), Isolation: "chroot", Temp: temp,
		SystemContext: &types.SystemContext{SignaturePolicyPath: policy},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("left in the temporary directory: %v, %v", left, err)
		}
	})
	return b
}

// files writes files into a new directory.
func files(t *testing.T, texts map[string]string) string {
	t.Helper()
	directory := t.TempDir()
	for name, text := range texts {
		path := filepath.Join(directory, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755),
			os.WriteFile(path, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

// build makes an image that needs no base.
func build(t *testing.T, b *builder.Builder, dockerfile string, context string) builder.Image {
	t.Helper()
	image, err := b.Build(t.Context(), builder.Build{
		Name: "one", Context: context, Hidden: []string{"hidden"}, Dockerfile: []byte(dockerfile), Timestamp: when,
		Labels: map[string]string{"a": "b"}, Log: io.Discard,
	})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestBuild(t *testing.T) {
	b := open(t)
	context := files(t, map[string]string{"bin/go": "program", "manifests/b.yaml": "b", "manifests/a.yaml": "a",
		"manifests/sub/c": "c", "hidden": "secret"})
	const dockerfile = "FROM scratch\nENV PATH=/bin\nCOPY . /\n"
	image := build(t, b, dockerfile, context)
	if again := build(t, b, dockerfile, context); again.ID != image.ID {
		t.Errorf("the same inputs made %s, then %s", image.ID, again.ID)
	}
	for program, want := range map[string]bool{"go": true, "gofmt": false} {
		if got, err := b.HasProgram(image, program); err != nil || got != want {
			t.Errorf("HasProgram(%s) = %v, %v", program, got, err)
		}
	}
	manifests, err := b.Manifests(image.ID)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range manifests {
		names = append(names, file.Name)
		if !file.ModTime.Equal(when) {
			t.Errorf("%s has the time %v", file.Name, file.ModTime)
		}
	}
	if diff := cmp.Diff([]string{"a.yaml", "b.yaml"}, names); diff != "" {
		t.Errorf("manifests (-want +got):\n%s", diff)
	}
	err = b.View(image, func(root *os.Root) error {
		if _, err := root.Stat("hidden"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a hidden file is in the image: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if !strings.Contains(string(image.Config), `"a":"b"`) {
		t.Errorf("the config has no label: %s", image.Config)
	}
	if _, err := b.Image(t.Context(), strings.Repeat("0", 64)); !errors.Is(err, builder.ErrNotFound) {
		t.Errorf("an image that is not there: %v", err)
	}
}

func TestCopyOut(t *testing.T) {
	b := open(t)
	context := files(t, map[string]string{"tree/file": "text", "tree/sub/file": "more"})
	if err := os.Symlink("/etc", filepath.Join(context, "link")); err != nil {
		t.Fatal(err)
	}
	image := build(t, b, "FROM scratch\nCOPY . /\n", context)
	for source, want := range map[string]string{"/tree": "tree/file", "/tree/.": "file", "/tree/file": "file",
		"tree/sub": "sub/file"} {
		directory := t.TempDir()
		target, err := os.OpenRoot(directory)
		if err != nil {
			t.Fatal(err)
		}
		defer target.Close()
		if err := b.CopyOut(t.Context(), image, source, target, "."); err != nil {
			t.Errorf("copying %q: %v", source, err)
		}
		if _, err := os.Stat(filepath.Join(directory, want)); err != nil {
			t.Errorf("copying %q: %v", source, err)
		}
	}
	directory := t.TempDir()
	target, err := os.OpenRoot(directory)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	if err := b.CopyOut(t.Context(), image, "/link/passwd", target, "."); err == nil {
		t.Error("a link to this machine's /etc was followed out of the image")
	}
}

func TestNames(t *testing.T) {
	b := open(t)
	context := files(t, map[string]string{"file": "text"})
	image := build(t, b, "FROM scratch\nCOPY . /\n", context)
	const name = "localhost/oc-rebuild-stage:one"
	if err := b.Name(image, name); err != nil {
		t.Fatal(err)
	}
	if names, err := b.Named("localhost/oc-rebuild-stage:"); err != nil || len(names) != 1 || names[0] != name {
		t.Errorf("Named() = %q, %v", names, err)
	}
	if found, err := b.Image(t.Context(), name); err != nil || found.ID != image.ID {
		t.Errorf("Image(%q) = %s, %v", name, found.ID, err)
	}
	if err := b.Forget(name); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Image(t.Context(), name); !errors.Is(err, builder.ErrNotFound) {
		t.Errorf("a forgotten image: %v", err)
	}
	if err := b.Forget(name); err != nil {
		t.Errorf("forgetting twice: %v", err)
	}
}

func TestAlone(t *testing.T) {
	b := open(t)
	release, err := b.Alone(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.Alone(short, "key"); err == nil {
		t.Error("two are alone with one key")
	}
	if other, err := b.Alone(t.Context(), "another"); err != nil {
		t.Errorf("another key: %v", err)
	} else {
		other()
	}
	release()
	again, err := b.Alone(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// TestNetworkOfChrootIsolation refuses what chroot isolation cannot do, and says what would.
func TestNetworkOfChrootIsolation(t *testing.T) {
	b, err := builder.Open(t.Context(), builder.Options{StorageRoot: t.TempDir(), Isolation: "chroot", Network: "none",
		Temp: t.TempDir()})
	if fault.KindOf(err) != fault.Usage || !strings.Contains(fault.AdviceOf(err),
		"`oc rebuild doctor` says which OCI runtime would do") {
		t.Errorf("Open() = %v, %v (%s)", b, err, fault.AdviceOf(err))
	}
}

func TestSettings(t *testing.T) {
	for _, o := range []builder.Options{{Isolation: "moon"}, {Network: "bridge"}, {StorageDriver: "floppy"}} {
		if err := o.Validate(); fault.KindOf(err) != fault.Usage {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if err := (builder.Options{Isolation: "auto", Network: "none", StorageDriver: "vfs"}).Validate(); err != nil {
		t.Error(err)
	}
	for _, secret := range []string{"", "id=a", "src=/no/such/file,id=a", "moon=1"} {
		if err := builder.CheckSecrets([]string{secret}); err == nil {
			t.Errorf("the secret %q is taken", secret)
		}
	}
	if err := builder.CheckSecrets([]string{"id=a,src=" + filepath.Join(files(t, map[string]string{"s": "x"}),
		"s")}); err != nil {
		t.Error(err)
	}
}

// TestFailingStep has the class of a failed build and names the component.
func TestFailingStep(t *testing.T) {
	b := open(t)
	_, err := b.Build(t.Context(), builder.Build{Name: "one", Context: t.TempDir(),
		Dockerfile: []byte("FROM scratch\nCOPY none /\n"),
		Log:        io.Discard})
	if fault.KindOf(err) != fault.Build || !strings.Contains(err.Error(), `"one"`) {
		t.Errorf("the error is %v", err)
	}
}
