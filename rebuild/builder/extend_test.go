package builder_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// TestExtend lays files over an image, from which a stage then begins.
func TestExtend(t *testing.T) {
	b := open(t)
	context := files(t, map[string]string{"one": "1", "two": "2"})
	base := build(t, b, "FROM scratch\nCOPY one two /app/\nWORKDIR /app\n", context)
	fill := func(directory *os.Root) error {
		return errors.Join(directory.WriteFile("two", []byte("other"), 0o644),
			directory.WriteFile("three", []byte("3"), 0o600))
	}
	id, err := b.Extend(base, "localhost/extended:1", "src/..", fill)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := b.Stage(t.Context(), "localhost/extended:1"); found != id || err != nil || id == base.ID {
		t.Errorf("Stage = %q, %v; want %q", found, err, id)
	}
	// as a list of images looks at it
	if whole, err := b.Image(t.Context(), id); err != nil || len(whole.Layers) != 2 || whole.Layers[1].DiffID == "" {
		t.Errorf("Image = %+v, %v", whole, err)
	}
	other, err := b.Extend(base, "localhost/extended:4", ".", fill)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := b.Image(t.Context(), id)
	two, err := b.Image(t.Context(), other)
	if err != nil || one.Layers[1].DiffID == two.Layers[1].DiffID {
		t.Errorf("two layers have one digest: %+v, %+v, %v", one.Layers, two.Layers, err)
	}
	image := build(t, b, "FROM "+id+" AS b\nCOPY one one\nFROM scratch\nCOPY --from=b /app /\n",
		files(t, map[string]string{"one": "new"}))
	out, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := b.CopyOut(t.Context(), image, "/.", out, "."); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"one": "new", "two": "other", "three": "3"} {
		if got, err := out.ReadFile(name); string(got) != text || err != nil {
			t.Errorf("%s is %q, %v; want %q", name, got, err, text)
		}
	}
	failed := errors.New("failed")
	if _, err := b.Extend(base, "localhost/extended:2", "/",
		func(*os.Root) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("Extend = %v", err)
	}
	if _, err := b.Stage(t.Context(), "localhost/extended:2"); !errors.Is(err, builder.ErrNotFound) {
		t.Errorf("Stage = %v", err)
	}
	if _, err := b.Extend(base, "localhost/extended:3", "/app/two/x", fill); err == nil ||
		!strings.Contains(err.Error(), "extending image") {
		t.Errorf("into a file: %v", err)
	}
	if err := errors.Join(b.Forget("localhost/extended:1"), b.Forget("localhost/extended:4")); err != nil {
		t.Error(err)
	}
}
