package regular_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

func TestReplace(t *testing.T) {
	directory := t.TempDir()
	name := filepath.Join(directory, "file")
	for _, text := range []string{"old", "new"} {
		if err := regular.Replace(name, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(name)
		if err != nil || string(data) != text {
			t.Errorf("the file is %q, %v, want %q", data, err, text)
		}
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("its mode: %v, %v", info, err)
	}
	if err := regular.Replace(filepath.Join(directory, strings.Repeat("x", 300)), nil, 0o600); err == nil {
		t.Error("a name that is too long was taken")
	}
	if err := regular.Replace(filepath.Join(directory, "none", "file"), nil, 0o600); err == nil {
		t.Error("a directory that is not there was written to")
	}
	if entries, err := os.ReadDir(directory); err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v", entries, err)
	}
}
