package regular_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

func TestRead(t *testing.T) {
	directory := t.TempDir()
	file, pipe := filepath.Join(directory, "file"), filepath.Join(directory, "pipe")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pipe, filepath.Join(directory, "link")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, test := range []struct {
		name  string
		limit int64
		want  string // "" = read
	}{
		{file, 5, ""}, {file, 4, "more than 4 bytes"}, {pipe, 10, "named pipe"},
		{filepath.Join(directory, "link"), 10, "named pipe"},
		{"/dev/zero", 10, "device"}, {directory, 10, "directory"},
		{filepath.Join(directory, "absent"), 10, "no such file"},
	} {
		data, err := regular.Read(test.name, test.limit)
		if test.want == "" && (err != nil || string(data) != "12345") ||
			test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("Read(%q, %d) = %q, %v, want an error with %q", test.name, test.limit, data, err, test.want)
		}
	}
	if data, err := regular.ReadIn(root, "file", 5); err != nil || string(data) != "12345" {
		t.Errorf("ReadIn = %q, %v", data, err)
	}
	if _, err := regular.ReadIn(root, "pipe", 5); err == nil {
		t.Error("ReadIn read a named pipe")
	}
}

// TestPipeOfTheShell reads what `<(command)` names.
func TestPipeOfTheShell(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() {
		_, _ = w.WriteString("from a command")
		_ = w.Close()
	}()
	name := fmt.Sprintf("/dev/fd/%d", r.Fd())
	if data, err := regular.Read(name, 100); err != nil || string(data) != "from a command" {
		t.Errorf("Read(%q) = %q, %v", name, data, err)
	}
}
