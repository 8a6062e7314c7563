package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// TestCacheDirectory refuses caches that others may have filled, and says what to do.
func TestCacheDirectory(t *testing.T) {
	shared, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	foreign := "/usr" // root's
	if os.Geteuid() == 0 {
		foreign = t.TempDir()
		if err := os.Chown(foreign, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{os.Chmod(shared, 0o770), os.WriteFile(file, nil, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", "")
	t.Setenv("XDG_CACHE_HOME", "")
	tests := []struct{ directory, message, advice string }{
		{"", "finding the user's cache directory", "Pass --cache-dir DIR."},
		{filepath.Join(file, "below"), "not a directory", "Pass --cache-dir DIR."},
		{file, "is not a directory", ""},
		{foreign, "belongs to somebody else", "Pass --cache-dir DIR."},
		{shared, "others may write to the cache", "If nobody else has written there: chmod go-w " + shared},
	}
	for _, test := range tests {
		_, err := cacheDirectory(test.directory)
		if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), test.message) ||
			fault.AdviceOf(err) != test.advice {
			t.Errorf("cacheDirectory(%q) = %v (%s), want %q (%s)", test.directory, err, fault.AdviceOf(err),
				test.message, test.advice)
		}
	}
	if got, err := cacheDirectory(filepath.Join(t.TempDir(), "new")); err != nil || filepath.Base(got) != "new" {
		t.Errorf("a directory that is not there: %q, %v", got, err)
	}
}
