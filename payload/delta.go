package payload

import (
	"context"
	"fmt"
	"slices"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// componentCVO is the component that the release image is based on.
const componentCVO = "cluster-version-operator"

// delta assembles the payload by editing the old release layer: the pull spec of each changed component is replaced
// in every file, and the files that a changed operator brings itself are swapped. It returns why that would not give
// what a full extraction gives, if so.
func (a *assembler) delta(ctx context.Context) (done *Assembly, reason string, err error) {
	if reason = a.fullReason(); reason != "" {
		return nil, reason, nil
	}
	edited := a.old.layer.clone()
	renders := map[string][]File{}
	for _, s := range a.swaps {
		component, err := a.old.Component(s.name)
		if err != nil {
			return nil, "", err
		}
		old, err := a.contents(ctx, component.Image, component.Override)
		if err != nil {
			return nil, "", fmt.Errorf("reading the image that %q has in the release: %w", s.name, err)
		}
		if old.operator() != s.operator() {
			return nil, fmt.Sprintf("%s becomes an operator", s.name), nil
		}
		if !s.operator() {
			continue
		}
		if !sameTags(old, s.contents) {
			return nil, fmt.Sprintf("the image-references of operator %s name other tags than before", s.name), nil
		}
		before, err := a.renderer(a.old.References).render(s.name, old)
		if err != nil {
			return nil, fmt.Sprintf("the manifests of %s in the release are not those of its image: %v", s.name, err),
				nil
		}
		after, err := a.renderer(a.next).render(s.name, s.contents)
		if err != nil {
			return nil, "", fault.New(fault.Unresolved, "", err)
		}
		if reason = edited.claim(s.name, before, after); reason != "" {
			return nil, reason, nil
		}
		renders[s.name] = after
	}
	stamped := edited.stamped()
	specs := map[string]string{}
	for _, s := range a.swaps {
		specs[tagOf(a.old.References, s.name).From.Name] = s.spec
	}
	for i := range edited.entries {
		edited.entries[i].Data = replacePullSpecs(edited.entries[i].Data, specs)
	}
	for name, files := range renders {
		edited.swap(name, files)
	}
	references, err := serializeReferences(a.next)
	if err != nil {
		return nil, "", err
	}
	edited.set(fileReferences, references)
	if o := a.options; o.Previous != nil || o.Next != nil || o.Metadata != nil {
		about, err := a.metadata().serialize()
		if err != nil {
			return nil, "", err
		}
		edited.set(fileMetadata, about)
	}
	if stamped {
		edited.stamp()
	}
	done = &Assembly{Name: a.next.Name, Created: a.created, Method: Delta, References: a.next, layer: edited}
	done.bases, err = a.bases(ctx)
	return done, "", err
}

// fullReason says why the payload needs a full extraction, by what is known before any image is read.
func (a *assembler) fullReason() string {
	if a.old.Image == nil {
		return "there is no old release to edit"
	}
	if o := a.options; o.Versions != "" || o.DisplayNames != "" || len(o.Exclude) > 0 || len(o.Include) > 0 ||
		o.Repository != "" {
		return "the options may change any manifest"
	}
	if a.old.layer.unknown != "" {
		return fmt.Sprintf("the release layer is not laid out as usual: it has %s", a.old.layer.unknown)
	}
	if a.next.Name != a.old.References.Name {
		return "the release gets another name, which its manifests may contain"
	}
	for _, s := range a.swaps {
		tag := tagOf(a.old.References, s.name)
		if tag == nil || !isImage(*tag) {
			return fmt.Sprintf("the release has no component %s", s.name)
		}
		if s.name == componentCVO {
			return "the release image is based on " + componentCVO
		}
		for _, other := range a.old.References.Spec.Tags {
			if other.Name != s.name && isImage(other) && other.From.Name == tag.From.Name {
				return fmt.Sprintf("%s and %s are the same image", s.name, other.Name)
			}
		}
		if a.versionsMatter(tag.Annotations[annotationVersions], s.Labels[annotationVersions]) {
			return fmt.Sprintf("%s declares other versions than before: %q, not %q", s.name,
				s.Labels[annotationVersions],
				tag.Annotations[annotationVersions])
		}
	}
	return ""
}

// sameTags tells whether two images of an operator name the same tags in their image-references.
func sameTags(old, next contents) bool {
	a, okA := old.file(fileReferences)
	b, okB := next.file(fileReferences)
	if !okA || !okB {
		return okA == okB
	}
	before, errA := operatorTags(a.Data)
	after, errB := operatorTags(b.Data)
	return errA == nil && errB == nil && slices.Equal(before, after)
}

// operatorTags lists the tags that an operator's image-references names, sorted.
func operatorTags(data []byte) ([]string, error) {
	stream, err := parseOperatorReferences(data)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, tag := range stream.Spec.Tags {
		names = append(names, tag.Name)
	}
	slices.Sort(names)
	return names, nil
}
