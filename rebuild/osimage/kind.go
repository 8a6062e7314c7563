package osimage

import "strings"

// Kind is the form in which an image carries an operating system.
type Kind string

// The kinds of operating system images.
const (
	// the root file system is that of the image: rhel-coreos, stream-coreos, fedora-coreos
	Bootable   Kind = "bootable"
	Extensions Kind = "extensions" // a directory of RPMs for a bootable image: rhel-coreos-extensions
	// an archive ostree repository under /srv/repo, RPMs under /extensions: machine-os-content
	Legacy Kind = "legacy"
)

// Labels by which the images are known, and that nodes and payloads read.
const (
	labelBootable = "ostree.bootable"
	labelBootc    = "containers.bootc"
	labelCommit   = "com.coreos.ostree-commit" // of machine-os-content
	labelVersion  = "version"
	labelOCI      = "org.opencontainers.image.version"
	labelVersions = "io.openshift.build.versions"
)

// legacyName is the name under which payloads carry a Legacy image.
const legacyName = "machine-os-content"

// extensionsSuffix ends the name of the image with a bootable image's RPMs.
const extensionsSuffix = "-extensions"

// IsName reports whether a component of that name is an operating system image, as far as its name tells.
func IsName(name string) bool {
	return name == legacyName || strings.Contains(name, "coreos")
}

// IsExtensionsName reports whether a component of that name holds the RPMs that go with an operating system image.
func IsExtensionsName(name string) bool {
	return IsName(name) && strings.HasSuffix(name, extensionsSuffix)
}

// ExtensionsName returns the component that takes the RPMs for an operating system image: machine-os-content has them
// itself.
func ExtensionsName(name string) string {
	if name == legacyName || IsExtensionsName(name) {
		return name
	}
	return name + extensionsSuffix
}

// Detect tells which kind of operating system image a component is, if any, by its name and the labels of its image.
func Detect(name string, labels map[string]string) (Kind, bool) {
	switch {
	case IsExtensionsName(name):
		return Extensions, true
	case isSet(labels[labelBootable]) || isSet(labels[labelBootc]):
		return Bootable, true
	case labels[labelCommit] != "":
		return Legacy, true
	default:
		return "", false
	}
}

// isSet reads a label that is a switch.
func isSet(value string) bool { return value == "true" || value == "1" }
