package payload

import (
	"context"
	"fmt"
	"time"

	imagev1 "github.com/openshift/api/image/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Method is a way to assemble a payload.
type Method string

// The ways to assemble a payload. All give the same files; Delta reads a few images where Full reads all.
const (
	Copy  Method = "copy"  // nothing changes: the release image is the old one
	Delta Method = "delta" // the old release layer is edited
	Full  Method = "full"  // the manifests are extracted from every operator again
)

// AssembleOptions adjust an assembly. The zero value keeps everything of the old release but the changed components.
type AssembleOptions struct {
	Name   string // of the new release; "" = the old one's
	Method Method // Full forces a full extraction; "" = Delta wherever that gives the same
	Cache  *Cache // labels and manifests of images that were read before; nil = they are kept for this call only
	Jobs   int    // images that are read at once; 0 = 16

	AllowMissing      bool // operators may name tags that the payload lacks
	SkipManifestCheck bool // manifests are not parsed
	TrustTag          bool // after a push the registry is not asked what the tag names, which takes two requests
}

// Assembly is a payload that is assembled but not pushed.
type Assembly struct {
	Name       string               // of the release
	Created    time.Time            // of the release image: the newest of the old release's and the changed images' creation times
	Method     Method               // how it was assembled
	Reason     string               // why not by Delta; "" if it was
	References *imagev1.ImageStream // image-references
	Warnings   []string

	trustTag bool
	layer    layer
	base     base
	old      *Release // where Method is Copy
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
// It refuses, with fault.Unresolved, what would lose something without a word: an image without the operator label in place of one
// that has it, a new component that no operator names, and an image that cannot be resolved to a digest.
//
// Identical inputs give an identical payload: its creation time is the newest of the old release's and of the changed images'.
func Assemble(ctx context.Context, c *registry.Client, r *Release, changes []Change, o AssembleOptions) (*Assembly, error) {
	a := &assembler{client: c, old: r, options: o, next: r.References.DeepCopy(), created: r.Created}
	if o.Cache == nil {
		a.options.Cache = inMemory()
	}
	var err error
	if a.swaps, err = a.resolve(ctx, changes); err != nil {
		return nil, err
	}
	if len(changes) == 0 && o.Name == "" && o.Method != Full {
		return &Assembly{Name: r.Name, Created: r.Created, Method: Copy, Reason: "nothing changes", References: a.next, layer: r.layer, old: r}, nil
	}
	for _, s := range a.swaps {
		s.apply(a.next)
		if created := s.Created.UTC().Truncate(time.Second); created.After(a.created) {
			a.created = created
		}
	}
	if len(a.swaps) > 0 {
		setAnnotation(a.next, annotationFromRelease, r.Reference)
	}
	a.next.CreationTimestamp.Time = a.created
	if o.Name != "" {
		a.next.Name = o.Name
	}
	done, err := a.assemble(ctx)
	if err != nil {
		return nil, err
	}
	done.trustTag = o.TrustTag
	return done, nil
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

// checkOperators refuses an image that would take an operator out of the payload: one without the label, or without manifests, in place of
// one that has them.
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
		return fault.New(fault.Unresolved, fmt.Sprintf("Build the image with the label %s=true and with its manifests in /manifests, as its Dockerfile in CI does.", labelOperator),
			fmt.Errorf("component %q is an operator, but its new image %s lacks %s: its %d manifests would be lost", s.name, s.spec, lacks, len(old.manifests())))
	}
	return nil
}

// contents reads an image, from the cache where it has it.
func (a *assembler) contents(ctx context.Context, spec string, override bool) (contents, error) {
	return a.options.Cache.contents(spec, override, func() (contents, error) {
		return readContents(ctx, a.client, spec, override)
	})
}

func setAnnotation(stream *imagev1.ImageStream, key, value string) {
	if stream.Annotations == nil {
		stream.Annotations = map[string]string{}
	}
	stream.Annotations[key] = value
}

// renderer renders for a stream that has its final tags.
func (a *assembler) renderer(stream *imagev1.ImageStream) renderer {
	return renderer{payload: stream, release: stream.Name, allowMissing: a.options.AllowMissing, skipCheck: a.options.SkipManifestCheck}
}
