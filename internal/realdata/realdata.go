// Package realdata finds the real payloads, configs and answers of upstream's own code that tests compare with. They
// are not part of the repository.
package realdata

import (
	"os"
	"path/filepath"
	"testing"
)

// Path returns a file or directory of the data, which lie where OC_REBUILD_SHARED names, or beside the repository.
// Where they are absent the test is skipped, but with CI=true it fails: nobody would notice there.
func Path(t testing.TB, elements ...string) string {
	t.Helper()
	root := os.Getenv("OC_REBUILD_SHARED")
	for directory, _ := os.Getwd(); root == "" &&
		directory != filepath.Dir(directory); directory = filepath.Dir(directory) {
		if _, err := os.Stat(filepath.Join(directory, "go.mod")); err == nil {
			root = filepath.Join(directory, "..", "shared")
		}
	}
	path, err := filepath.Abs(filepath.Join(append([]string{root, "data"}, elements...)...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the real data are not there (OC_REBUILD_SHARED): %v", err)
		}
		t.Skipf("the real data are not there (OC_REBUILD_SHARED): %v", err)
	}
	return path
}
