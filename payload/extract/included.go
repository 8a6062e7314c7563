package extract

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	configv1 "github.com/openshift/api/config/v1"
	"sigs.k8s.io/yaml"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// Cluster is what decides which manifests a cluster applies.
type Cluster struct {
	Profile      string   // "" = self-managed-high-availability
	FeatureSet   string   // "" = Default
	Capabilities []string // enabled ones; nil = all
	Gates        []string // enabled feature gates; nil = those that the release enables for the feature set
	Major        string   // of the version of the release
	Platform     string   // such as aws: of requests for cloud credentials only its own are applied; "" = those of all
}

// Annotations that say where a manifest belongs.
const (
	annotationProfile    = "include.release.openshift.io/"
	annotationFeatureSet = "release.openshift.io/feature-set"
	annotationGate       = "release.openshift.io/feature-gate"
	annotationMajor      = "release.openshift.io/major-version"
	annotationCapability = "capability.openshift.io/name"
)

// manifest is the part of an object that decides about it.
type manifest struct {
	Kind       string `json:"kind"`
	APIVersion string `json:"apiVersion"`
	Metadata   struct {
		Name        string            `json:"name"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		ProviderSpec struct {
			Kind string `json:"kind"`
		} `json:"providerSpec"`
	} `json:"spec"`
	Status struct {
		FeatureGates []struct {
			Enabled []struct {
				Name string `json:"name"`
			} `json:"enabled"`
		} `json:"featureGates"`
	} `json:"status"`
}

// Included tells whether a cluster applies an object, as the cluster version operator decides it.
func (c Cluster) Included(m manifest) bool {
	a := m.Metadata.Annotations
	if a[annotationProfile+c.profile()] != "true" || !c.hasFeatureSet(a[annotationFeatureSet]) || !c.hasMajor(m) {
		return false
	}
	for gate := range strings.SplitSeq(a[annotationGate], ",") {
		gate = strings.TrimSpace(gate)
		off := strings.HasPrefix(gate, "-")
		if gate != "" && slices.Contains(c.Gates, strings.TrimPrefix(gate, "-")) == off {
			return false
		}
	}
	for capability := range strings.SplitSeq(a[annotationCapability], "+") {
		if capability != "" && c.Capabilities != nil && !slices.Contains(c.Capabilities, capability) {
			return false
		}
	}
	return true
}

func (c Cluster) profile() string {
	if c.Profile == "" {
		return "self-managed-high-availability"
	}
	return c.Profile
}

func (c Cluster) hasFeatureSet(list string) bool {
	if list == "" {
		return true
	}
	want := c.FeatureSet
	if want == "" {
		want = "Default"
	}
	return slices.Contains(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }), want)
}

// hasMajor applies the annotation for major versions, which only counts on feature gates and custom resource
// definitions.
func (c Cluster) hasMajor(m manifest) bool {
	list := m.Metadata.Annotations[annotationMajor]
	if list == "" || c.Major == "" || m.Kind != "FeatureGate" && m.Kind != "CustomResourceDefinition" {
		return true
	}
	return slices.Contains(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }), c.Major)
}

// enabledGates finds the feature gates that the release turns on for the cluster: those of its FeatureGate manifest
// for the feature set.
func (c Cluster) enabledGates(objects []manifest) []string {
	var gates []string
	for _, m := range objects {
		if m.Kind != "FeatureGate" ||
			m.Metadata.Annotations[annotationProfile+c.profile()] != "false-except-for-the-config-operator" ||
			!c.hasFeatureSet(m.Metadata.Annotations[annotationFeatureSet]) || !c.hasMajor(m) {
			continue
		}
		for _, set := range m.Status.FeatureGates {
			for _, gate := range set.Enabled {
				gates = append(gates, gate.Name)
			}
		}
	}
	return gates
}

// Capabilities lists the enabled capabilities of a cluster: those of a baseline set, such as v4.12, and additional
// ones. Without a baseline, or with vCurrent, all are enabled, which nil stands for.
func Capabilities(baseline string, additional []string) ([]string, error) {
	if baseline == "" || baseline == string(configv1.ClusterVersionCapabilitySetCurrent) {
		return nil, nil
	}
	set, ok := configv1.ClusterVersionCapabilitySets[configv1.ClusterVersionCapabilitySet(baseline)]
	if !ok {
		return nil, fault.Errorf(fault.Usage, "unknown baseline capability set %q", baseline)
	}
	enabled := append([]string{}, additional...)
	for _, capability := range set {
		enabled = append(enabled, string(capability))
	}
	return enabled, nil
}

// providers maps the names of clouds to the kinds of provider specs in credentials requests.
func providers() map[string]string {
	return map[string]string{"alibabacloud": "AlibabaCloudProviderSpec", "aws": "AWSProviderSpec",
		"azure":    "AzureProviderSpec",
		"gcp":      "GCPProviderSpec",
		"ibmcloud": "IBMCloudProviderSpec", "kubevirt": "KubevirtProviderSpec", "nutanix": "NutanixProviderSpec",
		"openstack": "OpenStackProviderSpec", "ovirt": "OvirtProviderSpec",
		"powervs": "IBMCloudPowerVSProviderSpec", "vsphere": "VSphereProviderSpec"}
}

// Filter says which manifests of a release to take.
type Filter struct {
	Cluster             *Cluster // only what this cluster applies; nil = all
	CredentialsRequests bool     // only requests for cloud credentials
	Cloud               string   // of requests for cloud credentials only those of a cloud, such as aws; "" = of all
}

// Select returns the manifests of a release that pass the filter, file by file as the release has them, with their
// comments. Of a file with several objects the objects that pass are kept.
func (f Filter) Select(release *payload.Release) ([]payload.File, error) {
	if f.Cloud != "" && providers()[f.Cloud] == "" {
		return nil, fault.Errorf(fault.Usage, "unknown cloud %q: want one of %s", f.Cloud,
			strings.Join(slices.Sorted(maps.Keys(providers())), ", "))
	}
	files := release.Manifests()
	if f.Cluster == nil && !f.CredentialsRequests && f.Cloud == "" {
		return files, nil
	}
	if f.Cloud == "" && f.Cluster != nil {
		f.Cloud = f.Cluster.Platform
	}
	if f.Cluster != nil && f.Cluster.Gates == nil {
		var all []manifest
		for _, file := range files {
			for _, document := range documents(file) {
				all = append(all, document.manifest)
			}
		}
		cluster := *f.Cluster
		cluster.Gates = cluster.enabledGates(all)
		f.Cluster = &cluster
	}
	var kept []payload.File
	for _, file := range files {
		all := documents(file)
		selected := slices.DeleteFunc(slices.Clone(all), func(d document) bool { return !f.takes(d.manifest) })
		switch {
		case len(selected) == 0:
			continue
		case len(selected) < len(all):
			file.Data = nil
			for _, d := range selected {
				file.Data = fmt.Appendf(file.Data, "---\n%s", strings.TrimPrefix(d.text, "\n"))
			}
		}
		kept = append(kept, file)
	}
	return kept, nil
}

func (f Filter) takes(m manifest) bool {
	request := m.Kind == "CredentialsRequest" && strings.HasPrefix(m.APIVersion, "cloudcredential.openshift.io/")
	switch {
	case f.CredentialsRequests && !request:
		return false
	case request && f.Cloud != "" && m.Spec.ProviderSpec.Kind != providers()[f.Cloud]:
		return false // of a platform that has no credentials, such as none, there are none
	case f.CredentialsRequests && f.Cluster != nil && !hasProfiles(m):
		return true // old requests name no profiles: they are for all
	}
	return f.Cluster == nil || f.Cluster.Included(m)
}

// hasProfiles tells whether an object names any cluster profile.
func hasProfiles(m manifest) bool {
	for key := range m.Metadata.Annotations {
		if strings.HasPrefix(key, annotationProfile) {
			return true
		}
	}
	return false
}

// document is one object of a file.
type document struct {
	text string
	manifest
}

// documents takes a file apart. What is not an object is left out.
func documents(file payload.File) []document {
	var all []document
	for _, text := range strings.Split("\n"+string(file.Data), "\n---") {
		if _, rest, ok := strings.Cut(text, "\n"); ok || text == "" {
			text = rest
		}
		var m manifest
		if err := yaml.Unmarshal([]byte(text), &m); err == nil && m.Kind != "" {
			if !strings.HasSuffix(text, "\n") {
				text += "\n"
			}
			all = append(all, document{text, m})
		}
	}
	return all
}
