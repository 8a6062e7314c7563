package signature

import (
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
)

// ConfigMap returns the object, in JSON, that gives a cluster the signatures of a release that it cannot fetch itself.
func ConfigMap(image digest.Digest, signatures [][]byte) ([]byte, error) {
	name := Name(image)
	data := map[string][]byte{}
	for i, signature := range signatures {
		data[fmt.Sprintf("%s-%d", name, i+1)] = signature
	}
	object := struct {
		Kind       string            `json:"kind"`
		APIVersion string            `json:"apiVersion"`
		Metadata   map[string]any    `json:"metadata"`
		BinaryData map[string][]byte `json:"binaryData"`
	}{"ConfigMap", "v1", map[string]any{"name": name, "namespace": "openshift-config-managed",
		"labels": map[string]string{"release.openshift.io/verification-signatures": ""}}, data}
	text, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("writing the signatures of %s: %w", image, err)
	}
	return text, nil
}

// Name is what the object with the signatures of a release is called in a cluster.
func Name(image digest.Digest) string { return string(image.Algorithm()) + "-" + image.Encoded() }

// FileName is what the file with the signatures of a release is called in a mirror directory.
func FileName(image digest.Digest) string {
	return fmt.Sprintf("signature-%s-%.16s.json", image.Algorithm(), image.Encoded())
}
