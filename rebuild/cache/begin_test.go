package cache

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestBegin wants a compile cache to be filled whole or not at all, and once.
func TestBegin(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "compile", "key")
	t.Cleanup(func() { _ = RemoveAll(directory) }) // it holds a read-only directory, as module caches do
	filled, full := 0, errors.New("no space left on device")
	fill := func(err error) func(*os.Root) error {
		return func(root *os.Root) error {
			filled++
			return errors.Join(root.Mkdir("go-mod", 0o755), root.WriteFile("go-mod/word", nil, 0o644),
				root.Chmod("go-mod", 0o555), err)
		}
	}
	word := func() bool {
		_, err := os.Stat(filepath.Join(directory, "go-mod/word"))
		return err == nil
	}
	if err := Begin(t.Context(), directory, fill(full)); !errors.Is(err, full) || word() {
		t.Errorf("a cache that cannot be filled: %v, something is left: %t", err, word())
	}
	for range 2 {
		if err := Begin(t.Context(), directory, fill(nil)); err != nil || !word() || filled != 2 {
			t.Errorf("%v, filled: %t, %d times", err, word(), filled)
		}
	}
}
