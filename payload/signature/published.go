package signature

import (
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// signed is the repository whose releases are signed by their publisher, and that clusters want signed (the cluster
// version operator's verification config map names it).
const signed = "quay.io/openshift-release-dev/ocp-release"

// Scope returns the repository whose payloads are signed, if a payload is in it, else "".
func Scope(pullSpec string) string {
	if repository, _ := registry.SplitDigest(pullSpec); repository == signed ||
		strings.HasPrefix(repository, signed+"/") {
		return signed
	}
	return ""
}

// Published lists where the publisher of OpenShift keeps signatures.
func Published() []string {
	return []string{
		"https://mirror.openshift.com/pub/openshift-v4/signatures/openshift/release",
		"https://storage.googleapis.com/openshift-release/official/signatures/openshift/release",
	}
}
