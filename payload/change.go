package payload

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"time"

	imagev1 "github.com/openshift/api/image/v1"
	corev1 "k8s.io/api/core/v1"

	"go.podman.io/image/v5/docker/reference"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Change puts an image into a payload: in place of the component of that name, or as a new one.
type Change struct {
	Component string
	Image     string // pull spec, which registries other than the release's may hold; a tag is resolved to its digest
	// Labels, Created and Manifests describe an image that was just built. Where Labels is nil all three are read from
	// the registry.
	Labels  map[string]string
	Created time.Time
	// the files at the top level of /manifests, image-references included; used if Labels has
	// io.openshift.release.operator
	Manifests []File
}

// swap is a change whose image is known by digest and content.
type swap struct {
	name string
	spec string // repository@digest
	contents
}

// resolve looks at the images of changes. Two changes of one component are a usage error, an image that cannot be
// found by digest is fault.Unresolved.
func (a *assembler) resolve(ctx context.Context, changes []Change) ([]swap, error) {
	var swaps []swap
	for _, change := range changes {
		if !tagName.MatchString(change.Component) {
			return nil, fault.Errorf(fault.Usage, "%q is not a name of a component", change.Component)
		}
		if slices.ContainsFunc(swaps, func(s swap) bool { return s.name == change.Component }) {
			return nil, fault.New(fault.Usage, "Name each component once.",
				fmt.Errorf("two images are given for component %q", change.Component))
		}
		spec, err := a.digestSpec(ctx, change)
		if err != nil {
			return nil, err
		}
		s := swap{name: change.Component, spec: spec,
			contents: contents{Labels: change.Labels, Created: change.Created}}
		if change.Labels == nil {
			if s.contents, err = a.replacement(ctx, change.Component, spec); err != nil {
				return nil, fmt.Errorf("reading the image for component %q: %w", change.Component, err)
			}
		} else {
			for _, file := range change.Manifests {
				file.Name = path.Base(file.Name)
				file.ModTime = file.ModTime.UTC().Truncate(time.Second)
				s.Manifests = append(s.Manifests, file)
			}
			slices.SortFunc(s.Manifests, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
		}
		if err := checkDeclared(s.name, s.Labels); err != nil {
			return nil, fault.New(fault.Unresolved, "", err)
		}
		swaps = append(swaps, s)
	}
	slices.SortFunc(swaps, func(a, b swap) int { return cmp.Compare(a.name, b.name) })
	return swaps, nil
}

// digestSpec returns repository@digest of a change's image. A payload holds digests only: one that names a tag could
// not be mirrored.
func (a *assembler) digestSpec(ctx context.Context, change Change) (string, error) {
	named, err := registry.ParsePullSpec(change.Image)
	if err != nil {
		return "", fmt.Errorf("component %q: %w", change.Component, err)
	}
	if _, ok := named.(reference.Canonical); ok {
		return named.String(), nil
	}
	image, err := a.client.Image(ctx, change.Image)
	if err != nil {
		return "", fault.New(fault.KindOf(err), "A release names images by digest: pass one that the registry has.",
			fmt.Errorf("resolving the image for component %q to a digest: %w", change.Component, err))
	}
	return image.PullSpec(), nil
}

// apply puts a change into an image stream: the tag's annotations become those of the new image, and say that it was
// replaced by hand. That mark makes later assemblies read /manifests from all layers of the image, which may have
// been built in any way.
func (s swap) apply(stream *imagev1.ImageStream) {
	tag := tagOf(stream, s.name)
	if tag == nil {
		stream.Spec.Tags = append(stream.Spec.Tags, imagev1.TagReference{Name: s.name})
		slices.SortFunc(stream.Spec.Tags, func(a, b imagev1.TagReference) int { return cmp.Compare(a.Name, b.Name) })
		tag = tagOf(stream, s.name)
	}
	tag.From = &corev1.ObjectReference{Kind: "DockerImage", Name: s.spec}
	tag.Annotations = map[string]string{annotationOverride: "true"}
	annotate(tag, s.Labels)
}

// annotate sets the annotations of a tag that come from the labels of its image. The three of the source are always
// set.
func annotate(tag *imagev1.TagReference, labels map[string]string) {
	if tag.Annotations == nil {
		tag.Annotations = map[string]string{}
	}
	for _, key := range []string{annotationCommit, annotationRef, annotationSource} {
		tag.Annotations[key] = labels[key]
	}
	for _, key := range []string{annotationChange, annotationPatches} {
		if delete(tag.Annotations, key); labels[key] != "" {
			tag.Annotations[key] = labels[key]
		}
	}
	if versions := labels[annotationVersions]; versions != "" {
		tag.Annotations[annotationVersions] = versions
		tag.Annotations[annotationDisplayNames] = labels[annotationDisplayNames]
	}
}
