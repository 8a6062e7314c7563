package payload

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"
	imagev1 "github.com/openshift/api/image/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Assembly is a payload that is assembled but not pushed.
type Assembly struct {
	Name string // of the release
	// of the release image: the newest of the old release's and the changed images' creation times
	Created    time.Time
	Method     Method               // how it was assembled
	Reason     string               // why not by Delta; "" if it was
	References *imagev1.ImageStream // image-references
	Warnings   []string

	trustTag bool
	keepList bool
	layer    layer
	bases    []base               // one, or one for each image of a manifest list
	origins  *imagev1.ImageStream // the tags as they were before their pull specs were moved to another repository
	old      *Release             // where Method is Copy

	buildOnce sync.Once
	packed    packed
	images    []built
	buildErr  error
}

// Files returns the files of the release layer in their order.
func (a *Assembly) Files() []File {
	var files []File
	for _, entry := range a.layer.entries {
		if !entry.directory {
			files = append(files, entry.File)
		}
	}
	return files
}

// Sources returns where the image of each component is now, by its name: where it is to be copied from if its pull spec
// in the release was moved to another repository.
func (a *Assembly) Sources() map[string]string {
	sources := map[string]string{}
	for _, tag := range a.References.Spec.Tags {
		if !isImage(tag) {
			continue
		}
		sources[tag.Name] = tag.From.Name
		if a.origins == nil {
			continue
		}
		if origin := tagOf(a.origins, tag.Name); origin != nil {
			sources[tag.Name] = origin.From.Name
		}
	}
	return sources
}

// assembler is one run of Assemble.
type assembler struct {
	client  *registry.Client
	old     *Release
	options AssembleOptions
	swaps   []swap
	next    *imagev1.ImageStream // image-references as they will be
	created time.Time
}

// Assemble makes a new payload of an old one and changed components. Nothing is written until Push.
//
// It refuses, with fault.Unresolved, what would lose something without a word: an image without the operator label in
// place of one that has it, a new component that no operator names, and an image that cannot be resolved to a digest.
//
// Identical inputs give an identical payload: its creation time is the newest of the old release's and of the changed
// images'.
func Assemble(ctx context.Context, c *registry.Client, r *Release, changes []Change,
	o AssembleOptions) (*Assembly, error) {
	a := &assembler{client: c, old: r, options: o, next: r.References.DeepCopy(), created: r.Created}
	if o.Cache == nil {
		a.options.Cache = inMemory()
	}
	var err error
	if a.swaps, err = a.resolve(ctx, changes); err != nil {
		return nil, err
	}
	if len(changes) == 0 && !o.changesRelease() && o.Method != Full && r.Image != nil {
		return &Assembly{Name: r.Name, Created: r.Created, Method: Copy, Reason: "nothing changes", References: a.next,
			layer: r.layer, old: r,
			trustTag: o.TrustTag, keepList: o.KeepList}, nil
	}
	if err := a.prepare(); err != nil {
		return nil, err
	}
	done, err := a.assemble(ctx)
	if err != nil {
		return nil, err
	}
	done.trustTag, done.keepList = o.TrustTag, o.KeepList
	done.Warnings = append(a.unknownSources(), done.Warnings...)
	return done, nil
}

// CheckName refuses a name for a payload that is not a semantic version. The error has the class fault.Usage.
func CheckName(name string) error {
	if _, err := semver.StrictNewVersion(name); err != nil {
		return fault.New(fault.Usage, "Name a semantic version, such as 4.17.0-mine.1.",
			fmt.Errorf("version %q: %w", name, err))
	}
	return nil
}

// prepare makes the image stream of the new release of the old one's, as far as that is known before images are read.
func (a *assembler) prepare() error {
	o := a.options
	for _, version := range slices.Concat([]string{o.Name}, o.Previous, o.Next) {
		if err := CheckName(version); err != nil && version != "" {
			return err
		}
	}
	if _, err := parseVersions(o.Versions, o.DisplayNames); err != nil {
		return fault.New(fault.Usage, "", err)
	}
	for _, s := range a.swaps {
		s.apply(a.next)
		a.advance(s.Created)
	}
	if a.old.Image != nil && (len(a.swaps) > 0 || o.changesRelease()) {
		setAnnotation(a.next, annotationFromRelease, a.old.Reference)
	}
	if o.Versions != "" {
		setAnnotation(a.next, annotationVersions, o.Versions)
		setAnnotation(a.next, annotationDisplayNames, o.DisplayNames)
	}
	a.next.Spec.Tags = slices.DeleteFunc(a.next.Spec.Tags,
		func(tag imagev1.TagReference) bool { return slices.Contains(o.Exclude, tag.Name) })
	if o.Name != "" {
		a.next.Name = o.Name
	}
	a.next.CreationTimestamp.Time = a.created
	return nil
}

// unknownSources warns of changed components of which nobody will know what they were built from, as it is with images
// that were built by hand.
func (a *assembler) unknownSources() []string {
	var warnings []string
	for _, s := range a.swaps {
		old := tagOf(a.old.References, s.name)
		if old != nil && old.Annotations[annotationCommit] != "" && s.Labels[annotationCommit] == "" {
			warnings = append(warnings,
				fmt.Sprintf("The new image of %s has no label %s: the release will not say which commit it was built from.", s.name, annotationCommit))
		}
	}
	return warnings
}

// advance moves the creation time of the release to that of an image which is newer.
func (a *assembler) advance(created time.Time) {
	if created = created.UTC().Truncate(time.Second); created.After(a.created) {
		a.created = created
	}
}

// metadata is the release-metadata of the new release.
func (a *assembler) metadata() Metadata {
	m := a.old.Metadata
	if a.options.Previous != nil {
		m.Previous = a.options.Previous
	}
	if a.options.Next != nil {
		m.Next = a.options.Next
	}
	if a.options.Metadata != nil {
		m.Metadata = a.options.Metadata
	}
	m.Version = a.next.Name
	return m
}

func (a *assembler) assemble(ctx context.Context) (*Assembly, error) {
	if err := a.checkOperators(ctx); err != nil {
		return nil, err
	}
	reason := "asked for"
	if a.options.Method != Full {
		var done *Assembly
		var err error
		if done, reason, err = a.delta(ctx); err != nil {
			return nil, fmt.Errorf("assembling the release: %w", err)
		}
		if reason == "" {
			return done, nil
		}
		if a.options.Method == Delta {
			return nil, fault.Errorf(fault.Unresolved, "the release cannot be assembled as a delta: %s", reason)
		}
	}
	done, err := a.full(ctx)
	if err != nil {
		return nil, fmt.Errorf("assembling the release: %w", err)
	}
	done.Reason = reason
	return done, nil
}

// checkOperators refuses an image that would take an operator out of the payload: one without the label, or without
// manifests, in place of one that has them.
func (a *assembler) checkOperators(ctx context.Context) error {
	for _, s := range a.swaps {
		component, err := a.old.Component(s.name)
		if err != nil || len(s.manifests()) > 0 {
			continue // a new component, or an operator
		}
		old, err := a.contents(ctx, component.Image, component.Override)
		if err != nil {
			return fmt.Errorf("reading the image that %q has in the release: %w", s.name, err)
		}
		if !old.operator() || s.operator() && len(old.manifests()) == 0 {
			continue
		}
		lacks := "the label " + labelOperator
		if s.operator() {
			lacks = "files in /manifests"
		}
		return fault.New(
			fault.Unresolved,
			fmt.Sprintf("Build the image with the label %s=true and with its manifests in /manifests, as its Dockerfile in CI does.", labelOperator),
			fmt.Errorf("component %q is an operator, but its new image %s lacks %s: its %d manifests would be lost",
				s.name,
				s.spec, lacks, len(old.manifests())),
		)
	}
	return nil
}

// contents reads an image of the release, from the cache where it has it.
func (a *assembler) contents(ctx context.Context, spec string, override bool) (contents, error) {
	return a.options.Cache.contents(spec, a.client.Platform(), override, func() (contents, error) {
		return readContents(ctx, a.client, spec, override, nil)
	})
}

// replacement reads an image that is to replace the one of a component. Layers that it shares with that one are not
// read again.
func (a *assembler) replacement(ctx context.Context, name, spec string) (contents, error) {
	var old contents
	if component, err := a.old.Component(name); err == nil && a.old.local == nil {
		if old, err = a.contents(ctx, component.Image, component.Override); err != nil {
			return contents{}, fmt.Errorf("reading the image that %q has in the release: %w", name, err)
		}
	}
	return a.options.Cache.contents(spec, a.client.Platform(), true,
		func() (contents, error) { return readContents(ctx, a.client, spec, true, old.Bare) })
}

func setAnnotation(stream *imagev1.ImageStream, key, value string) {
	if stream.Annotations == nil {
		stream.Annotations = map[string]string{}
	}
	stream.Annotations[key] = value
}

// renderer renders for a stream that has its final tags.
func (a *assembler) renderer(stream *imagev1.ImageStream) renderer {
	return renderer{payload: stream, release: stream.Name, allowMissing: a.options.AllowMissing,
		skipCheck: a.options.SkipManifestCheck}
}
