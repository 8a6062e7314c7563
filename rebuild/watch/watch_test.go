package watch_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/rebuild/watch"
)

const quiet = 30 * time.Millisecond

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWait(t *testing.T) {
	write := func(name string) func(*testing.T, string) {
		return func(t *testing.T, directory string) {
			path := filepath.Join(directory, name)
			check(t, os.MkdirAll(filepath.Dir(path), 0o755))
			check(t, os.WriteFile(path, []byte("new"), 0o644))
		}
	}
	tests := []struct {
		description string
		change      func(t *testing.T, directory string)
		want        bool
	}{
		{"a file at the top", write("main.go"), true},
		{"a file below", write("pkg/deep/x.go"), true},
		{"a file in a new directory", write("pkg/new/er/x.go"), true},
		{"a removed file", func(t *testing.T, directory string) { check(t, os.Remove(filepath.Join(directory, "pkg/deep/x.go"))) }, true},
		{"a renamed file", func(t *testing.T, directory string) {
			check(t, os.Rename(filepath.Join(directory, "pkg/deep/x.go"), filepath.Join(directory, "pkg/y.go")))
		}, true},
		{"nothing", func(*testing.T, string) {}, false},
		{"attributes", func(t *testing.T, directory string) {
			check(t, os.Chtimes(filepath.Join(directory, "main.go"), time.Now(), time.Now()))
		}, false},
		{"git's own files", write(".git/index"), false},
		{"an ignored file", write("bin/program"), false},
		{"a new ignored directory", write("out/deep/program"), false},
	}
	for _, test := range tests {
		t.Run(test.description, func(t *testing.T) {
			directory := t.TempDir()
			for _, name := range []string{"main.go", "pkg/deep/x.go", ".git/HEAD", "bin/other"} {
				write(name)(t, directory)
			}
			w, err := watch.Open([]watch.Tree{{Directory: directory, Ignored: []string{"bin/", "out"}}})
			check(t, err)
			defer w.Close()
			test.change(t, directory) // before Wait, as during a build
			ctx, cancel := context.WithTimeout(t.Context(), 10*quiet)
			defer cancel()
			err = w.Wait(ctx, quiet)
			if err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			if got := err == nil; got != test.want {
				t.Errorf("Wait() noticed %v, want %v", got, test.want)
			}
		})
	}
}

func TestWaitForSeveralChangesAtOnce(t *testing.T) {
	directory := t.TempDir()
	w, err := watch.Open([]watch.Tree{{Directory: directory}})
	check(t, err)
	defer w.Close()
	go func() {
		for range 5 {
			_ = os.WriteFile(filepath.Join(directory, "file"), []byte("x"), 0o644)
			time.Sleep(quiet / 3)
		}
	}()
	check(t, w.Wait(t.Context(), 10*quiet))
	ctx, cancel := context.WithTimeout(t.Context(), 5*quiet)
	defer cancel()
	if err := w.Wait(ctx, quiet); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait() = %v again after one burst of changes, want it to wait", err)
	}
}
