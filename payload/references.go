package payload

import (
	"encoding/json"
	"fmt"
	"reflect"

	imagev1 "github.com/openshift/api/image/v1"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/storage/pkg/regexp"
	kjson "sigs.k8s.io/json"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Annotations of image-references.
const (
	annotationCommit       = "io.openshift.build.commit.id"
	annotationRef          = "io.openshift.build.commit.ref"
	annotationSource       = "io.openshift.build.source-location"
	annotationVersions     = "io.openshift.build.versions"
	annotationDisplayNames = "io.openshift.build.version-display-names"
	annotationChange       = "io.oc-rebuild.dirty"   // digest of a source tree that is not the commit's
	annotationPatches      = "io.oc-rebuild.patches" // names of the patches that made it so, NAME[,NAME…]
	annotationOverride     = "io.openshift.release.override"
	annotationFromRelease  = "release.openshift.io/from-release"
	annotationFromStream   = "release.openshift.io/from-image-stream"
)

// maxTags is how many components a payload may have. Real ones have about 200.
const maxTags = 10_000

// tagName is what an image stream tag of a payload may be called: the grammar of an image tag.
var tagName = regexp.Delayed(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

// parseReferences reads an image-references file: an image stream whose tags each name an image by digest.
func parseReferences(data []byte) (*imagev1.ImageStream, error) {
	if len(data) > maxReferences {
		return nil, fmt.Errorf("%d bytes, more than %d", len(data), maxReferences)
	}
	stream, err := decodeStream(data)
	if err != nil {
		return nil, err
	}
	if stream.Kind != "ImageStream" || stream.APIVersion != "image.openshift.io/v1" {
		return nil, fmt.Errorf("kind %q of %q: want ImageStream of image.openshift.io/v1", stream.Kind,
			stream.APIVersion)
	}
	if len(stream.Spec.Tags) > maxTags {
		return nil, fmt.Errorf("%d tags, more than %d", len(stream.Spec.Tags), maxTags)
	}
	seen := map[string]bool{}
	for _, tag := range stream.Spec.Tags {
		if err := checkTag(tag); err != nil {
			return nil, err
		}
		if seen[tag.Name] {
			return nil, fmt.Errorf("the tag %q is there twice", tag.Name)
		}
		seen[tag.Name] = true
	}
	return stream, nil
}

// decodeStream reads an image stream as oc does: keys count in any case; of those that are equal but for that the one
// that is sorted last, of equal ones the last. oc reads it as YAML, which takes a hundred times the memory where the
// file is hostile.
func decodeStream(data []byte) (*imagev1.ImageStream, error) {
	stream, exact := &imagev1.ImageStream{}, &imagev1.ImageStream{}
	if err := json.Unmarshal(data, stream); err != nil {
		return nil, err
	}
	twice, err := kjson.UnmarshalStrict(data, exact, kjson.DisallowDuplicateFields)
	if err == nil && len(twice) == 0 && reflect.DeepEqual(stream, exact) {
		return stream, nil
	}
	var all any
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	sorted, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	stream = &imagev1.ImageStream{}
	return stream, json.Unmarshal(sorted, stream)
}

func checkTag(tag imagev1.TagReference) error {
	if !tagName.MatchString(tag.Name) {
		return fmt.Errorf("%q is not a name of a tag", tag.Name)
	}
	if !isImage(tag) {
		return nil
	}
	if err := checkDigestSpec(tag.From.Name); err != nil {
		return fmt.Errorf("tag %q: %w", tag.Name, err)
	}
	return nil
}

// isImage tells whether a tag names an image, as all tags of a release do.
func isImage(tag imagev1.TagReference) bool { return tag.From != nil && tag.From.Kind == "DockerImage" }

// checkDigestSpec refuses everything but a fully qualified pull spec with a digest.
func checkDigestSpec(spec string) error {
	named, err := registry.ParsePullSpec(spec)
	if err != nil {
		return err
	}
	if _, ok := named.(reference.Canonical); !ok {
		return fmt.Errorf("%q does not name an image by digest", spec)
	}
	if len(named.String()) != len(spec) {
		return fmt.Errorf("%q has more than a repository and a digest", spec)
	}
	return nil
}

// serializeReferences writes an image stream byte for byte as oc does: the API type in JSON, indented with two
// spaces, no newline at the end.
func serializeReferences(stream *imagev1.ImageStream) ([]byte, error) {
	data, err := json.MarshalIndent(stream, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing image-references: %w", err)
	}
	return data, nil
}

// tagOf returns the tag of the stream with a name, or nil.
func tagOf(stream *imagev1.ImageStream, name string) *imagev1.TagReference {
	for i := range stream.Spec.Tags {
		if stream.Spec.Tags[i].Name == name {
			return &stream.Spec.Tags[i]
		}
	}
	return nil
}
