package payload

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	imagev1 "github.com/openshift/api/image/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// defaultJobs is how many images are read at once.
const defaultJobs = 16

// full assembles the payload from its images: manifests are extracted from every operator, in the order of their
// names, and images that no operator names are left out.
func (a *assembler) full(ctx context.Context) (*Assembly, error) {
	images, err := a.readAll(ctx)
	if err != nil {
		return nil, err
	}
	stream, err := a.complete(images)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, name := range slices.Sorted(maps.Keys(images)) {
		if !images[name].operator() {
			continue
		}
		rendered, err := a.renderer(stream).render(name, images[name])
		if err != nil {
			return nil, fault.New(fault.Unresolved, "", err)
		}
		files = append(files, rendered...)
	}
	before := len(stream.Spec.Tags)
	if err := a.prune(stream, images); err != nil {
		return nil, err
	}
	done := &Assembly{Name: stream.Name, Created: a.created, Method: Full, References: stream, origins: a.next}
	if dropped := before - len(stream.Spec.Tags); dropped > 0 {
		done.Warnings = append(done.Warnings,
			fmt.Sprintf("%d images that no operator names are left out; %d are in the release.",
				dropped, len(stream.Spec.Tags)))
	}
	a.next.Name = stream.Name
	if done.layer, err = newLayer(stream, a.metadata(), unique(files)); err != nil {
		return nil, err
	}
	done.bases, err = a.bases(ctx)
	return done, err
}

// complete returns the image stream of the release, now that its images are known: annotations from their labels,
// pull specs in the repository that is asked for, and where there is no old release the time and the name that follow
// from the images.
func (a *assembler) complete(images map[string]contents) (*imagev1.ImageStream, error) {
	if a.old.Image == nil {
		for _, image := range images {
			a.advance(image.Created)
		}
		if a.next.Name == "" {
			a.next.Name = "0.0.1-" + a.created.Format("2006-01-02-150405")
		}
		a.next.CreationTimestamp.Time = a.created
	}
	stream := a.next.DeepCopy()
	for i := range stream.Spec.Tags {
		tag := &stream.Spec.Tags[i]
		if image := images[tag.Name]; isImage(*tag) && a.old.local == nil {
			annotate(tag, image.Labels)
			if err := checkDeclared(tag.Name, image.Labels); err != nil {
				return nil, fault.New(fault.Unresolved, "", err)
			}
		}
		if a.options.Repository != "" && isImage(*tag) {
			named, err := registry.ParsePullSpec(a.options.Repository)
			if err != nil {
				return nil, err
			}
			_, sum := registry.SplitDigest(tag.From.Name)
			tag.From.Name = named.Name() + "@" + sum.String()
		}
	}
	return stream, nil
}

// readAll reads the contents of every image of the payload, changed ones as they were resolved. What a directory gave
// is not read.
func (a *assembler) readAll(ctx context.Context) (map[string]contents, error) {
	if a.old.local != nil {
		return a.old.local, nil
	}
	tags := a.next.Spec.Tags
	all := make([]contents, len(tags))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(max(0, a.options.Jobs), defaultJobs))
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

// prune drops the tags that the payload does not need: those that are no operator, that no operator's
// image-references names, that are not the base of the release image and that the options do not include. A changed
// component among them is an error, since it would be lost without a word.
func (a *assembler) prune(stream *imagev1.ImageStream, images map[string]contents) error {
	needed := map[string]bool{componentCVO: true}
	for _, name := range a.options.Include {
		if tagOf(stream, name) == nil {
			return fault.Errorf(fault.Unresolved, "the component %q that is to be included does not exist", name)
		}
		needed[name] = true
	}
	for name, image := range images {
		file, ok := image.file(fileReferences)
		needed[name] = needed[name] || image.operator()
		if !image.operator() || !ok {
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
		return fault.New(fault.Unresolved,
			"Name the tag in the image-references of an operator in /manifests, and replace that operator as well, or label the image "+
				labelOperator+"=true if it brings manifests itself, or include it by name.",
			fmt.Errorf("no operator of the release names %s: the release would not contain it",
				strings.Join(lost, ", ")))
	}
	stream.Spec.Tags = slices.DeleteFunc(stream.Spec.Tags,
		func(tag imagev1.TagReference) bool { return !needed[tag.Name] })
	return nil
}

// newLayer lays out a release layer as oc does: the directory, image-references, release-metadata, then the
// manifests. The first three have the time of the newest manifest.
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
