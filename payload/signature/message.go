package signature

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
)

// message is an atomic container signature before it is signed (containers/image, docs/containers-signature.5.md).
type message struct {
	Critical struct {
		Type  string `json:"type"`
		Image struct {
			Digest digest.Digest `json:"docker-manifest-digest"`
		} `json:"image"`
		Identity struct {
			Reference string `json:"docker-reference"`
		} `json:"identity"`
	} `json:"critical"`
	Optional struct {
		Creator   string `json:"creator"`
		Timestamp int64  `json:"timestamp"` // seconds since 1970
	} `json:"optional"`
}

// Message returns what the publisher of a payload signs: that a digest is the one of a pull spec.
func Message(pullSpec string, sum digest.Digest, created time.Time) ([]byte, error) {
	var m message
	m.Critical.Type, m.Critical.Image.Digest,
		m.Critical.Identity.Reference = "atomic container signature", sum, pullSpec
	m.Optional.Creator, m.Optional.Timestamp = "oc-rebuild", created.Unix()
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing a message to sign: %w", err)
	}
	return data, nil
}
