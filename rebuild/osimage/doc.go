// Package osimage changes the operating system images of a payload: the bootable container images rhel-coreos,
// stream-coreos and fedora-coreos, their -extensions images, and machine-os-content, which carries an ostree
// repository instead.
//
// Such an image has no source that a payload records, so it is not built from a repository but from itself. This
// package turns what the user wants changed into a build context and a Dockerfile that starts FROM the payload's
// image, and says which labels change. Building, pushing and assembling are the same as for any component. It knows
// nothing of registries, of buildah or of payloads.
package osimage
