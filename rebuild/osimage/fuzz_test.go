package osimage

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"

	"github.com/oc-rebuild/oc-rebuild/internal/fuzzing"
)

// A version that a payload takes stays one, however odd it is, and marking it again changes nothing.
func FuzzVersion(f *testing.F) {
	for _, seed := range []string{"412.86.202301061548-0", "1.2.3", "1.2.3+build", "1.2.3-a.modified-01234567",
		"39.20231101.3.0",
		"1.2.3-0.modified-zzzzzzzz", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, version string) {
		fuzzing.Case(t)
		marked := Version(version, digest)
		if again := Version(marked, digest); again != marked && strings.Contains(marked, "modified-01234567") &&
			!strings.Contains(version, "+") {
			t.Errorf("Version(%q) = %q, and of that %q", version, marked, again)
		}
		if _, err := semver.StrictNewVersion(version); err != nil || len(version) > 100 {
			return
		}
		if _, err := semver.StrictNewVersion(marked); err != nil {
			t.Errorf("Version(%q) = %q: %v", version, marked, err)
		}
	})
}

// Whatever the config is, it is refused or stays valid JSON with the label.
func FuzzRelabel(f *testing.F) {
	for _, seed := range []string{`{"config":{"Labels":{"a":"1"}}}`, `{"config":{}}`, `{"config":null}`, `{}`, `[]`,
		`{"config":{"Labels":null}}`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, config []byte) {
		fuzzing.Case(t)
		got, err := Relabel(config, map[string]string{"b": "3"})
		if err != nil {
			return
		}
		var parsed struct {
			Config struct{ Labels map[string]string } `json:"config"`
		}
		if err := json.Unmarshal(got, &parsed); err != nil || parsed.Config.Labels["b"] != "3" {
			t.Errorf("Relabel(%s) = %s, %v", config, got, err)
		}
	})
}
