package cache_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

// fill makes a cache with an old and a new entry of each kind.
func fill(t *testing.T) string {
	t.Helper()
	directory := t.TempDir()
	// it has directories that not even their owner may write to
	t.Cleanup(func() { check(t, cache.RemoveAll(directory)) })
	for name, age := range map[string]time.Duration{"old": 48 * time.Hour, "new": time.Hour} {
		for _, kind := range []string{cache.Builds, cache.Blobs, cache.Logs} {
			path := filepath.Join(directory, kind, name)
			check(t, os.MkdirAll(filepath.Dir(path), 0o700))
			check(t, os.WriteFile(path, []byte("12345"), 0o600))
			check(t, os.Chtimes(path, time.Now().Add(-age), time.Now().Add(-age)))
		}
		path := filepath.Join(directory, cache.Compile, name)
		check(t, cache.Name(path, "https://example.org/"+name))
		check(t, os.MkdirAll(filepath.Join(path, "go-mod", "example.org"), 0o700))
		check(t, os.WriteFile(filepath.Join(path, "go-mod", "example.org", "x.go"), []byte("123"), 0o400))
		check(t, os.Chmod(filepath.Join(path, "go-mod", "example.org"), 0o500))
		check(t, os.Chtimes(path, time.Now().Add(-age), time.Now().Add(-age)))
	}
	return directory
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, directory string) []cache.Entry {
	t.Helper()
	entries, err := cache.List(directory)
	check(t, err)
	return entries
}

// bare returns entries without what differs from run to run.
func bare(entries []cache.Entry) []cache.Entry {
	for i := range entries {
		entries[i].Path, entries[i].LastUsed = "", time.Time{}
	}
	return entries
}

func TestListAndPrune(t *testing.T) {
	directory := fill(t)
	hole, err := os.Create(filepath.Join(directory, cache.Compile, "new", "hole"))
	check(t, err)
	check(t, errors.Join(hole.Truncate(1<<40), hole.Close())) // which takes nothing
	touched := time.Now().Add(-time.Hour)
	check(t, os.Chtimes(filepath.Dir(hole.Name()), touched, touched))
	want := []cache.Entry{
		{Kind: "blobs", Name: "new", Bytes: 5}, {Kind: "blobs", Name: "old", Bytes: 5},
		{Kind: "builds", Name: "new", Bytes: 5}, {Kind: "builds", Name: "old", Bytes: 5},
		{Kind: "compile", Name: "https://example.org/new", Bytes: 26},
		{Kind: "compile", Name: "https://example.org/old", Bytes: 26},
		{Kind: "logs", Name: "new", Bytes: 5}, {Kind: "logs", Name: "old", Bytes: 5},
	}
	if diff := cmp.Diff(want, bare(list(t, directory))); diff != "" {
		t.Errorf("List() (-want +got):\n%s", diff)
	}
	removed, err := cache.Prune(t.Context(), directory, time.Now().Add(-24*time.Hour), nil, nil)
	check(t, err)
	if diff := cmp.Diff([]cache.Entry{want[1], want[3], want[5], want[7]}, bare(removed)); diff != "" {
		t.Errorf("Prune() (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]cache.Entry{want[0], want[2], want[4], want[6]}, bare(list(t, directory))); diff != "" {
		t.Errorf("List() after Prune() (-want +got):\n%s", diff)
	}
}

func TestPruneWaitsForRuns(t *testing.T) {
	directory := fill(t)
	first, err := cache.Use(t.Context(), directory)
	check(t, err)
	second, err := cache.Use(t.Context(), directory) // runs do not wait for each other
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = cache.Prune(ctx, directory, time.Now(),
		func() error { t.Error("something was done while runs use the cache"); return nil }, cancel)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Prune() = %v while the cache is in use, want it to wait", err)
	}
	if got := len(list(t, directory)); got != 8 {
		t.Errorf("%d entries are left of 8 that are in use", got)
	}
	check(t, first.Release())
	check(t, second.Release())
	if removed, err := cache.Prune(t.Context(), directory, time.Now(), nil, nil); err != nil || len(removed) != 8 {
		t.Errorf("Prune() = %d entries, %v, want 8", len(removed), err)
	}
}

// TestMark tells caches from directories that were named by mistake.
func TestMark(t *testing.T) {
	clone := t.TempDir()
	if err := cache.CheckMark(clone); fault.KindOf(err) != fault.Usage {
		t.Errorf("a directory of somebody's: %v", err)
	}
	if err := cache.Mark(clone); err != nil {
		t.Fatal(err)
	}
	for _, directory := range []string{clone, filepath.Join(clone, "nosuch"), filepath.Join(t.TempDir(), "oc-rebuild")} {
		if err := cache.CheckMark(directory); err != nil {
			t.Error(err)
		}
	}
}

func TestAbsentCache(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "absent")
	if entries := list(t, directory); len(entries) != 0 {
		t.Errorf("List() = %v, want nothing", entries)
	}
	if removed, err := cache.Prune(t.Context(), directory, time.Now(), nil, nil); err != nil || removed != nil {
		t.Errorf("Prune() = %v, %v, want nothing", removed, err)
	}
}

// TestPruneGoesOn meets entries that cannot be removed, and a failure before.
func TestPruneGoesOn(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make something that root cannot remove")
	}
	directory := fill(t)
	stuck := filepath.Join(directory, cache.Builds, "old")
	check(t, os.Remove(stuck))
	check(t, os.Mkdir(stuck, 0o700))
	check(t, unix.Mount("tmpfs", stuck, "tmpfs", 0, ""))
	t.Cleanup(func() { check(t, unix.Unmount(stuck, unix.MNT_DETACH)) })
	removed, err := cache.Prune(t.Context(), directory, time.Now().Add(time.Hour),
		func() error { return errors.New("before") }, nil)
	if len(removed) != 7 || err == nil || !strings.Contains(err.Error(), "before") ||
		!strings.Contains(err.Error(), "pruning") {
		t.Errorf("Prune() = %d entries, %v, want 7 and both errors", len(removed), err)
	}
}

func TestTrim(t *testing.T) {
	directory := fill(t) // compile caches of 26 bytes each
	for _, test := range []struct {
		size int64
		left int
	}{{52, 8}, {51, 7}, {0, 6}} {
		held, err := cache.Use(t.Context(), directory)
		check(t, err)
		before := len(list(t, directory))
		check(t, cache.Trim(directory, cache.Compile, test.size))
		if got := len(list(t, directory)); got != before {
			t.Errorf("Trim() to %d removed something that a run uses", test.size)
		}
		check(t, held.Release())
		check(t, cache.Trim(directory, cache.Compile, test.size))
		if got := len(list(t, directory)); got != test.left {
			t.Errorf("Trim() to %d leaves %d entries, want %d", test.size, got, test.left)
		}
	}
	if got := cache.Before(list(t, directory), 1<<20); !got.IsZero() {
		t.Errorf("Before() = %v where all fits", got)
	}
}
