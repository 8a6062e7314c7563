package payload

import (
	"fmt"
	"strings"

	"go.podman.io/storage/pkg/regexp"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Stream is the image stream that CI promotes the components of a release to.
type Stream struct {
	Namespace string `json:"namespace"` // ocp or origin
	Name      string `json:"name"`      // such as 4.12 or scos-4.17
}

// String returns namespace/name.
func (s Stream) String() string { return s.Namespace + "/" + s.Name }

var (
	streamName  = regexp.Delayed(`^(scos-)?[0-9]+\.[0-9]+`)
	releaseName = regexp.Delayed(`^([0-9]+\.[0-9]+)\.`)
)

// Stream finds out which stream a release was made from: by its annotation release.openshift.io/from-image-stream,
// whose name has a suffix such as -art-latest and a date after the stream's, else by its name: -okd-scos for OKD on
// CentOS Stream CoreOS, -okd for OKD, else OpenShift.
func (r *Release) Stream() (Stream, error) {
	if namespace, name, ok := strings.Cut(r.References.Annotations[annotationFromStream], "/"); ok {
		if name = streamName.FindString(name); name != "" && (namespace == "ocp" || namespace == "origin") {
			return Stream{namespace, name}, nil
		}
	}
	m := releaseName.FindStringSubmatch(r.Name)
	if m == nil {
		return Stream{}, fault.New(fault.Unresolved, "Name the config of the component with --config.",
			fmt.Errorf("the release %q neither records the image stream it was made from, nor is its name a version",
				r.Name))
	}
	switch {
	case strings.Contains(r.Name, "okd-scos"):
		return Stream{"origin", "scos-" + m[1]}, nil
	case strings.Contains(r.Name, "-okd") || strings.Contains(r.Name, ".okd"):
		return Stream{"origin", m[1]}, nil
	}
	return Stream{"ocp", m[1]}, nil
}

// PromotedFrom returns the release that this one was made from, as whoever made it named that; "" where it does not
// say.
func (r *Release) PromotedFrom() string { return r.References.Annotations[annotationFromRelease] }
