package flock_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/flock"
)

func TestLocks(t *testing.T) {
	directory := t.TempDir()
	path := filepath.Join(directory, "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, directory} {
		open := func() *os.File {
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { file.Close() })
			return file
		}
		try := func(file *os.File, kind flock.Kind, want bool) {
			t.Helper()
			if ok, err := flock.Try(file, kind); ok != want || err != nil {
				t.Errorf("Try: %v, %v, want %v", ok, err, want)
			}
		}
		one, two, three := open(), open(), open()
		try(one, flock.Shared, true)
		try(two, flock.Shared, true)
		try(three, flock.Exclusive, false)

		told := 0
		ctx, cancel := context.WithCancelCause(t.Context())
		end := errors.New("the end")
		time.AfterFunc(200*time.Millisecond, func() { cancel(end) })
		if err := flock.Wait(ctx, three, flock.Exclusive, func() { told++ }); !errors.Is(err, end) || told != 1 {
			t.Errorf("Wait: %v, told %d times", err, told)
		}
		closed := make(chan struct{})
		time.AfterFunc(200*time.Millisecond, func() { one.Close(); two.Close(); close(closed) })
		if err := flock.Wait(t.Context(), three, flock.Exclusive, nil); err != nil {
			t.Error(err)
		}
		<-closed
		try(open(), flock.Shared, false)
		three.Close()
		try(open(), flock.Exclusive, true)
		if _, err := flock.Try(one, flock.Shared); err == nil {
			t.Error("a closed file can be locked")
		}
	}
}

func TestSeize(t *testing.T) {
	path, lock, err := flock.MakeHeld(t.TempDir(), "run-")
	if err != nil {
		t.Fatal(err)
	}
	if seized, err := flock.Seize(path); seized != nil || err != nil {
		t.Errorf("Seize() = %v, %v of a directory that is held, want nothing", seized, err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	seized, err := flock.Seize(path)
	if err != nil {
		t.Fatal(err)
	}
	if seized == nil {
		t.Fatal("Seize() fails where nobody has a hold")
	}
	if err := seized.Release(); err != nil {
		t.Error(err)
	}
}
