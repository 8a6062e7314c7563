package ciconfig_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/oc-rebuild/oc-rebuild/internal/realdata"
)

// readJSON reads a JSON file of the shared data.
func readJSON(t testing.TB, target any, elements ...string) {
	t.Helper()
	data, err := os.ReadFile(realdata.Path(t, elements...))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, target); err != nil {
		t.Fatal(err)
	}
}
