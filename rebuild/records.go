package rebuild

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

// recordVersion is part of every key: raise it when the same inputs would give another image.
const recordVersion = 5

// inputs are all that decides the bytes of an image. Two builds with equal inputs give the same image, so the second one is not made.
type inputs struct {
	Version    int               `json:"version"`
	Dockerfile string            `json:"dockerfile"` // with every base by digest
	Args       []ciconfig.Arg    `json:"args"`
	Labels     map[string]string `json:"labels"`
	Context    string            `json:"context"` // digest of the build context
	Time       time.Time         `json:"time"`
	Platform   string            `json:"platform"`
	Network    string            `json:"network"`

	Compression string `json:"compression,omitempty"`
}

// keyOf returns the name under which what a build makes of inputs is kept.
func keyOf(inputs any) (string, error) {
	data, err := json.Marshal(inputs)
	if err != nil {
		return "", fmt.Errorf("describing the inputs of a build: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// loadArtifact returns the artifact that a build with this key made, or nil where there is none that is whole.
func loadArtifact(directory, key, blobs string) *artifact {
	data, err := os.ReadFile(filepath.Join(directory, key+".json"))
	if err != nil {
		return nil
	}
	var a artifact
	if err := json.Unmarshal(data, &a); err != nil || !a.complete(blobs) {
		return nil // a damaged record is no record
	}
	cache.Touch(filepath.Join(directory, key+".json"))
	for _, layer := range a.Layers {
		if layer.Base == "" {
			cache.Touch(blobPath(blobs, layer.Digest))
		}
	}
	return &a
}

// saveArtifact keeps an artifact under its key, whole or not at all.
func saveArtifact(directory, key string, a *artifact) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("recording a build: %w", err)
	}
	file, err := os.CreateTemp(directory, ".new-")
	if err != nil {
		return fmt.Errorf("recording a build: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("recording a build: %w", err)
	}
	if err := os.Rename(file.Name(), filepath.Join(directory, key+".json")); err != nil {
		return fmt.Errorf("recording a build: %w", err)
	}
	return nil
}
