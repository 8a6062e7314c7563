package ciconfig

import (
	"fmt"
	"strings"
)

// ImageRef names an image as CI does: an image stream tag, without a registry.
type ImageRef struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Tag       string `json:"tag"`
}

// String returns namespace/name:tag, or nothing for the zero value.
func (r ImageRef) String() string {
	if r.IsZero() {
		return ""
	}
	return r.Namespace + "/" + r.Name + ":" + r.Tag
}

// IsZero reports whether r names nothing.
func (r ImageRef) IsZero() bool { return r == ImageRef{} }

// MarshalText makes an ImageRef a plain string in JSON and YAML output.
func (r ImageRef) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (r *ImageRef) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*r = ImageRef{}
		return nil
	}
	parsed, err := ParseImageRef(string(text))
	if err == nil {
		*r = parsed
	}
	return err
}

// CIRegistry is the registry that holds CI's image streams under their own names.
const CIRegistry = "registry.ci.openshift.org"

// Pullspec returns where humans pull the image from: registry.ci.openshift.org/namespace/name:tag.
func (r ImageRef) Pullspec() string { return CIRegistry + "/" + r.String() }

// ParseImageRef reads namespace/name:tag; the tag defaults to latest.
func ParseImageRef(text string) (ImageRef, error) {
	namespace, rest, ok := strings.Cut(text, "/")
	name, tag, tagged := strings.Cut(rest, ":")
	if !tagged {
		tag = "latest"
	}
	ref := ImageRef{namespace, name, tag}
	if !ok || ref.check() != nil {
		return ImageRef{}, fmt.Errorf("%q is not of the form NAMESPACE/NAME:TAG", text)
	}
	return ref, nil
}

// check refuses names that no image stream can have.
func (r ImageRef) check() error {
	for _, part := range []string{r.Namespace, r.Name, r.Tag} {
		if part == "" || strings.ContainsFunc(part, notInName) {
			return fmt.Errorf("%q is not an image stream tag", r.Namespace+"/"+r.Name+":"+r.Tag)
		}
	}
	return nil
}

// notInName reports the characters that no name of an image stream or tag has.
func notInName(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-')
}

// ciRegistries are the hosts under which Dockerfiles name CI's images.
var ciRegistries = []string{CIRegistry + "/", "registry.svc.ci.openshift.org/", "quay-proxy.ci.openshift.org/",
	"quay.io/openshift/ci:"}

// FromPullspec tells which image of CI a pull spec names, where it names one:
// registry.ci.openshift.org/namespace/name:tag, its predecessor registry.svc.ci.openshift.org, or namespace_name_tag
// in CI's repository on quay.io or its proxy.
func FromPullspec(pullspec string) (ImageRef, bool) {
	known := false
	for _, prefix := range ciRegistries {
		known = known || strings.HasPrefix(pullspec, prefix)
	}
	if !known || strings.Contains(pullspec, "@") {
		return ImageRef{}, false
	}
	ref, err := readRegistryReference(pullspec)
	if err != nil || ref.check() != nil {
		return ImageRef{}, false
	}
	return ref, true
}

// readRegistryReference splits a reference to one of CI's registries the way CI does: the last path element and the
// one before it. A digest is not understood, and ends up in the parts.
func readRegistryReference(text string) (ImageRef, error) {
	parts := strings.Split(text, "/")
	if len(parts) < 2 {
		return ImageRef{}, fmt.Errorf("%q has no namespace", text)
	}
	ref := ImageRef{Namespace: parts[len(parts)-2], Name: parts[len(parts)-1], Tag: "latest"}
	if name, tag, ok := strings.Cut(ref.Name, ":"); ok && !strings.Contains(tag, ":") {
		ref.Name, ref.Tag = name, tag
	}
	if !strings.Contains(text, "quay-proxy.ci.openshift.org/openshift/ci") &&
		!strings.HasPrefix(text, "quay.io/openshift/ci:") {
		return ref, nil
	}
	parts = strings.SplitN(ref.Tag, "_", 3)
	if len(parts) < 3 {
		return ImageRef{}, fmt.Errorf("%q is not of the form NAMESPACE_NAME_TAG", ref.Tag)
	}
	return ImageRef{Namespace: parts[0], Name: parts[1], Tag: parts[2]}, nil
}
