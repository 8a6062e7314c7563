package ciconfig

import (
	"strings"

	"go.podman.io/storage/pkg/regexp"
)

// Stream names the image stream that a payload's images are promoted to, such as ocp/4.12 or origin/scos-4.17.
type Stream struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// String returns namespace/name.
func (s Stream) String() string { return s.Namespace + "/" + s.Name }

// Tag returns the image that the stream holds under a tag.
func (s Stream) Tag(tag string) ImageRef { return ImageRef{s.Namespace, s.Name, tag} }

// version finds MAJOR.MINOR, and what stands before it, at the beginning of a stream's name.
var version = regexp.Delayed(`^(scos-|)([0-9]+\.[0-9]+)(?:-(?:art|konflux|priv|nightly|ci|[0-9]{4}-).*)?$`)

// Canonical removes what does not matter for finding a config: the marks of builds outside CI (4.12-art-latest,
// 4.12-konflux-…), the date of a snapshot, the private twins (ocp-priv/4.12-priv is ocp/4.12), the namespaces of
// architectures (ocp-arm64) and the name that releases are assembled under (fake/4.16-art-assembly-…).
func (s Stream) Canonical() Stream {
	base, _, suffixed := strings.Cut(s.Namespace, "-")
	switch {
	case suffixed && (base == "ocp" || base == "origin"):
		s.Namespace = base
	case s.Namespace == "fake":
		s.Namespace = "ocp"
	}
	if match := version.FindStringSubmatch(s.Name); match != nil {
		s.Name = match[1] + match[2]
	}
	return s
}

// Version returns MAJOR.MINOR of the stream, or "".
func (s Stream) Version() string {
	if match := version.FindStringSubmatch(s.Name); match != nil {
		return match[2]
	}
	return ""
}

// Candidates lists the streams in which a payload's tags may be promoted, the stream itself first. Most images of an
// OKD payload were mirrored from the OCP stream of the same version for years, and the streams of builds outside CI
// have a twin inside.
func (s Stream) Candidates() []Stream {
	canonical := s.Canonical()
	list := []Stream{s}
	add := func(one Stream) {
		for _, known := range list {
			if known == one {
				return
			}
		}
		list = append(list, one)
	}
	add(canonical)
	if canonical.Namespace == "origin" && canonical.Version() != "" {
		add(Stream{"ocp", canonical.Version()})
	}
	return list
}

// Holds reports under which tag a payload of this stream would carry ref, where ref belongs to the stream or to one
// that it falls back on.
func (s Stream) Holds(ref ImageRef) (tag string, ok bool) {
	for _, one := range s.Candidates() {
		if one.Namespace == ref.Namespace && one.Name == ref.Name {
			return ref.Tag, true
		}
	}
	return "", false
}

// variant is the one that configs for this stream have by convention: okd-scos and okd for OKD, none for OCP.
func (s Stream) variant() string {
	switch {
	case s.Namespace == "origin" && strings.HasPrefix(s.Name, "scos-"):
		return "okd-scos"
	case s.Namespace == "origin":
		return "okd"
	}
	return ""
}
