package mirror

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// Rule sends pulls of a repository to mirrors of it.
type Rule struct {
	Source  string   `json:"source"`
	Mirrors []string `json:"mirrors"`
}

// InstallConfig returns the part of an install-config.yaml that makes a new cluster pull from mirrors. digests
// chooses the field that newer installers know.
func InstallConfig(rules []Rule, digests bool) (string, error) {
	field := "imageContentSources"
	if digests {
		field = "imageDigestSources"
	}
	return encode(map[string][]Rule{field: rules})
}

// DigestMirrorSet returns an ImageDigestMirrorSet, for clusters from 4.13 on.
func DigestMirrorSet(rules []Rule) (string, error) {
	return encode(object{"config.openshift.io/v1", "ImageDigestMirrorSet", metadata{"example"},
		map[string]any{"imageDigestMirrors": rules}})
}

// ContentSourcePolicy returns an ImageContentSourcePolicy, for older clusters.
func ContentSourcePolicy(rules []Rule) (string, error) {
	return encode(object{"operator.openshift.io/v1alpha1", "ImageContentSourcePolicy", metadata{"example"},
		map[string]any{"repositoryDigestMirrors": rules}})
}

type object struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   metadata       `json:"metadata"`
	Spec       map[string]any `json:"spec"`
}

type metadata struct {
	Name string `json:"name"`
}

func encode(value any) (string, error) {
	data, err := yaml.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("writing mirror rules: %w", err)
	}
	return string(data), nil
}
