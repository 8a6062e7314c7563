package ciconfig_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// shared returns a file or directory of the data that the tests compare with, and skips the test where the data are
// absent.
func shared(t testing.TB, elements ...string) string {
	t.Helper()
	root := os.Getenv("OC_REBUILD_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	name := filepath.Join(append([]string{root, "data"}, elements...)...)
	if _, err := os.Stat(name); err != nil {
		t.Skipf("the data of upstream's answers are absent (set OC_REBUILD_SHARED): %v", err)
	}
	return name
}

// readJSON reads a JSON file of the shared data.
func readJSON(t testing.TB, target any, elements ...string) {
	t.Helper()
	data, err := os.ReadFile(shared(t, elements...))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, target); err != nil {
		t.Fatal(err)
	}
}
