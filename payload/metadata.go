package payload

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"
)

// metadataKind is the kind of release-metadata that exists.
const metadataKind = "cincinnati-metadata-v0"

// maxMetadata is the largest release-metadata that is read, in bytes.
const maxMetadata = 4 << 20

// Metadata is release-metadata: what the update service knows of a release.
type Metadata struct {
	Kind     string         `json:"kind"`
	Version  string         `json:"version"`
	Previous []string       `json:"previous"`           // versions that can upgrade to this one
	Next     []string       `json:"next,omitempty"`     // versions that this one can upgrade to
	Metadata map[string]any `json:"metadata,omitempty"` // such as the URL of the errata
}

// parseMetadata reads release-metadata. Its versions must be semantic versions.
func parseMetadata(data []byte) (Metadata, error) {
	if len(data) > maxMetadata {
		return Metadata{}, fmt.Errorf("%d bytes, more than %d", len(data), maxMetadata)
	}
	var m Metadata
	if err := json.Unmarshal(data, &m); err != nil {
		return Metadata{}, err
	}
	if m.Kind != metadataKind {
		return Metadata{}, fmt.Errorf("kind %q: want %s", m.Kind, metadataKind)
	}
	for _, version := range slices.Concat([]string{m.Version}, m.Previous, m.Next) {
		if _, err := semver.StrictNewVersion(version); err != nil {
			return Metadata{}, fmt.Errorf("version %q: %w", version, err)
		}
	}
	return m, nil
}

// serialize writes release-metadata as oc does: upgrade edges sorted as text, previous always there.
func (m Metadata) serialize() ([]byte, error) {
	m.Kind = metadataKind
	m.Previous, m.Next = append([]string{}, m.Previous...), slices.Clone(m.Next)
	slices.Sort(m.Previous)
	slices.Sort(m.Next)
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing release-metadata: %w", err)
	}
	return data, nil
}
