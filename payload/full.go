package payload

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	imagev1 "github.com/openshift/api/image/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// defaultJobs is how many images are read at once.
const defaultJobs = 16

// full assembles the payload from its images: manifests are extracted from every operator, in the order of their names, and images that no
// operator names are left out.
func (a *assembler) full(ctx context.Context) (*Assembly, error) {
	images, err := a.readAll(ctx)
	if err != nil {
		return nil, err
	}
	stream := a.next.DeepCopy()
	for i := range stream.Spec.Tags {
		if tag := &stream.Spec.Tags[i]; isImage(*tag) {
			annotate(tag, images[tag.Name].Labels)
			if err := checkDeclared(tag.Name, images[tag.Name].Labels); err != nil {
				return nil, fault.New(fault.Unresolved, "", err)
			}
		}
	}
	var files []File
	for _, tag := range stream.Spec.Tags {
		if operator := images[tag.Name]; operator.operator() {
			rendered, err := a.renderer(stream).render(tag.Name, operator)
			if err != nil {
				return nil, fault.New(fault.Unresolved, "", err)
			}
			files = append(files, rendered...)
		}
	}
	if err := a.prune(stream, images); err != nil {
		return nil, err
	}
	metadata := a.old.Metadata
	metadata.Version = stream.Name
	done := &Assembly{Name: stream.Name, Created: a.created, Method: Full, References: stream}
	if done.layer, err = newLayer(stream, metadata, unique(files)); err != nil {
		return nil, err
	}
	done.base, err = a.base(ctx)
	return done, err
}

// readAll reads the contents of every image of the payload, changed ones as they were resolved.
func (a *assembler) readAll(ctx context.Context) (map[string]contents, error) {
	tags := a.next.Spec.Tags
	all := make([]contents, len(tags))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, a.options.Jobs))
	if a.options.Jobs == 0 {
		group.SetLimit(defaultJobs)
	}
	for i, tag := range tags {
		if !isImage(tag) {
			continue
		}
		if n := slices.IndexFunc(a.swaps, func(s swap) bool { return s.name == tag.Name }); n >= 0 {
			all[i] = a.swaps[n].contents
			continue
		}
		group.Go(func() (err error) {
			all[i], err = a.contents(ctx, tag.From.Name, tag.Annotations[annotationOverride] == "true")
			if err != nil {
				return fmt.Errorf("reading the image of %q: %w", tag.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	images := map[string]contents{}
	for i, tag := range tags {
		images[tag.Name] = all[i]
	}
	return images, nil
}

// prune drops the tags that the payload does not need: those that are no operator, that no operator's image-references names, and that are
// not the base of the release image. A changed component among them is an error, since it would be lost without a word.
func (a *assembler) prune(stream *imagev1.ImageStream, images map[string]contents) error {
	needed := map[string]bool{componentCVO: true}
	for name, image := range images {
		if !image.operator() {
			continue
		}
		needed[name] = true
		file, ok := image.file(fileReferences)
		if !ok {
			continue
		}
		names, err := operatorTags(file.Data)
		if err != nil {
			return fmt.Errorf("operator %q contained an invalid image-references file: %w", name, err)
		}
		for _, name := range names {
			needed[name] = true
		}
	}
	var lost []string
	for _, s := range a.swaps {
		if !needed[s.name] {
			lost = append(lost, s.name)
		}
	}
	if len(lost) > 0 {
		return fault.New(fault.Unresolved, "Name the tag in the image-references of an operator in /manifests, and replace that operator as well, or label the image "+
			labelOperator+"=true if it brings manifests itself.",
			fmt.Errorf("no operator of the release names %s: the release would not contain it", strings.Join(lost, ", ")))
	}
	stream.Spec.Tags = slices.DeleteFunc(stream.Spec.Tags, func(tag imagev1.TagReference) bool { return !needed[tag.Name] })
	return nil
}

// newLayer lays out a release layer as oc does: the directory, image-references, release-metadata, then the manifests. The first three have
// the time of the newest manifest.
func newLayer(stream *imagev1.ImageStream, metadata Metadata, manifests []File) (layer, error) {
	references, err := serializeReferences(stream)
	if err != nil {
		return layer{}, err
	}
	about, err := metadata.serialize()
	if err != nil {
		return layer{}, err
	}
	l := layer{entries: []entry{
		{path: releaseDirectory, mode: 0o777, directory: true},
		newEntry(File{Name: fileReferences, Data: references}, modeFile),
		newEntry(File{Name: fileMetadata, Data: about}, modeFile),
	}}
	for _, file := range manifests {
		l.entries = append(l.entries, newEntry(file, modeFile))
	}
	l.stamp()
	return l, nil
}
