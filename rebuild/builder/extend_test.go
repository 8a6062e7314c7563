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
	base := build(t, b, "FROM scratch\nCOPY one two /work/\nWORKDIR /work\n", context)
	fill := func(directory *os.Root) error {
		return errors.Join(directory.WriteFile("two", []byte("other"), 0o644), directory.WriteFile("three", []byte("3"), 0o600))
	}
	id, err := b.Extend(base, "localhost/extended:1", "src/..", fill)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := b.Stage(t.Context(), "localhost/extended:1"); found != id || err != nil || id == base.ID {
		t.Errorf("Stage = %q, %v; want %q", found, err, id)
	}
	image := build(t, b, "FROM "+id+" AS b\nCOPY one one\nFROM scratch\nCOPY --from=b /work /\n", files(t, map[string]string{"one": "new"}))
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
	if _, err := b.Extend(base, "localhost/extended:2", "/", func(*os.Root) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("Extend = %v", err)
	}
	if _, err := b.Stage(t.Context(), "localhost/extended:2"); !errors.Is(err, builder.ErrNotFound) {
		t.Errorf("Stage = %v", err)
	}
	if _, err := b.Extend(base, "localhost/extended:3", "/work/two/x", fill); err == nil || !strings.Contains(err.Error(), "extending image") {
		t.Errorf("into a file: %v", err)
	}
	if err := b.Forget("localhost/extended:1"); err != nil {
		t.Error(err)
	}
}
