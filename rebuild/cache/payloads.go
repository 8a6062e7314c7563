package cache

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/oc-rebuild/oc-rebuild/internal/regular"
)

// payloadsFile has the payloads that were used last, for completion of what is typed.
const payloadsFile = "payloads.json"

// maxPayloads is how many are kept.
const maxPayloads = 20

// Payload is a payload that was used.
type Payload struct {
	Reference  string   `json:"reference"` // as the user called it
	Components []string `json:"components"`
}

// RememberPayload keeps that a payload was used, the last one first. That it cannot be kept is nobody's concern.
func RememberPayload(directory string, used Payload) {
	all := slices.DeleteFunc(Payloads(directory), func(p Payload) bool { return p.Reference == used.Reference })
	all = slices.Insert(all, 0, used)
	if data, err := json.Marshal(all[:min(len(all), maxPayloads)]); err == nil {
		_ = regular.Replace(filepath.Join(directory, payloadsFile), data, 0o600)
	}
}

// Payloads lists the payloads that were used, the last one first.
func Payloads(directory string) []Payload {
	data, err := os.ReadFile(filepath.Join(directory, payloadsFile))
	var all []Payload
	if err != nil || json.Unmarshal(data, &all) != nil {
		return nil
	}
	return all
}
