package extract

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// installConfig is the part of an install-config.yaml that decides about manifests (openshift/installer, pkg/types).
type installConfig struct {
	APIVersion   string         `json:"apiVersion"`
	Platform     map[string]any `json:"platform"`
	FeatureSet   string         `json:"featureSet"`
	FeatureGates []string       `json:"featureGates"`
	Capabilities *struct {
		Baseline   string   `json:"baselineCapabilitySet"`
		Additional []string `json:"additionalEnabledCapabilities"`
	} `json:"capabilities"`
}

// ReadInstallConfig returns the cluster that an install-config.yaml describes. What is none is an error of class
// fault.Usage.
func ReadInstallConfig(data []byte) (Cluster, error) {
	var config installConfig
	if err := yaml.Unmarshal(data, &config); err != nil {
		return Cluster{}, fault.New(fault.Usage, "", fmt.Errorf("not an install-config: %w", err))
	}
	if !slices.Contains([]string{"v1", "v1beta4", "v1beta3"}, config.APIVersion) {
		return Cluster{}, fault.Errorf(fault.Usage, "not an install-config: its apiVersion is %q, not v1",
			config.APIVersion)
	}
	platforms := slices.Sorted(maps.Keys(config.Platform))
	if len(platforms) != 1 {
		return Cluster{}, fault.Errorf(fault.Usage,
			"not an install-config: it names %d platforms (%s), not one", len(platforms),
			strings.Join(platforms, ", "))
	}
	cluster := Cluster{FeatureSet: config.FeatureSet, Platform: platforms[0]}
	for _, gate := range config.FeatureGates {
		if name, value, _ := strings.Cut(gate, "="); value == "true" {
			cluster.Gates = append(cluster.Gates, name)
		}
	}
	var err error
	if config.Capabilities != nil {
		cluster.Capabilities, err = Capabilities(config.Capabilities.Baseline, config.Capabilities.Additional)
	}
	return cluster, err
}
