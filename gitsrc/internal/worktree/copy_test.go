package worktree

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestCopyBesideGit copies references while git locks some for a moment: all are copied.
func TestCopyBesideGit(t *testing.T) {
	source := t.TempDir()
	heads := filepath.Join(source, "refs", "heads")
	if err := os.MkdirAll(heads, 0o755); err != nil {
		t.Fatal(err)
	}
	names := []string{"a", "b", "y", "z"}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(heads, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			lock := filepath.Join(heads, "m.lock")
			_ = os.WriteFile(lock, nil, 0o644)
			_ = os.Remove(lock)
			time.Sleep(200 * time.Microsecond)
		}
	}()
	defer func() { close(stop); <-stopped }()
	for range 500 {
		dest := t.TempDir()
		err := within(source, dest, func(from, to *os.Root) error { return copyThere(t.Context(), from, "refs", to) })
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if _, err := os.Stat(filepath.Join(dest, "refs", "heads", name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}
