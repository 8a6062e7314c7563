// Package payload reads, compares and assembles OpenShift and OKD release payloads.
//
// A release payload is an image: a base image (normally the cluster-version-operator's) plus one layer that holds
// /release-manifests, with image-references (an image stream that names about 190 component images by digest and the
// commit each was built from), release-metadata, and the manifests that the cluster version operator applies.
package payload
