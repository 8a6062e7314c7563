package payload

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	imagev1 "github.com/openshift/api/image/v1"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Labels of a release image.
const (
	labelRelease    = "io.openshift.release"
	labelBaseDigest = "io.openshift.release.base-image-digest"
)

// Release is an opened release payload.
type Release struct {
	PullSpec   string               // repository@digest, or a reference with a transport
	Reference  string               // as it was given to Open
	Digest     digest.Digest        // of the release image's manifest
	ListDigest digest.Digest        // of the manifest list that the reference names, or ""
	Name       string               // name of the image stream, which is the version of the release
	Created    time.Time            // creation time of the image stream: when the release was assembled
	References *imagev1.ImageStream // image-references
	Metadata   Metadata             // release-metadata
	Warnings   []string             // what is odd about it, in sentences
	Image      *registry.Image      // the release image itself

	layer layer
	local map[string]contents // operators that a directory gave; their images are not read
}

// Open reads a release payload: the manifest, the config and the top layer of the release image, and nothing else. A
// reference is what registry.ParseReference reads. An image without release-manifests/image-references is
// fault.Unresolved.
func Open(ctx context.Context, c *registry.Client, ref string) (*Release, error) {
	image, err := c.Image(ctx, ref)
	if err != nil {
		return nil, err
	}
	if err := image.CheckPlatform(); err != nil {
		return nil, fmt.Errorf("opening the release %q: %w", ref, err)
	}
	return OpenImage(ctx, image, ref)
}

// OpenImage is Open for a release image that is open already. ref is what it was opened by.
func OpenImage(ctx context.Context, image *registry.Image, ref string) (*Release, error) {
	r, err := open(ctx, image, ref)
	if err != nil {
		return nil, fmt.Errorf("opening the release %q: %w", ref, err)
	}
	return r, nil
}

func open(ctx context.Context, image *registry.Image, ref string) (*Release, error) {
	if len(image.Layers) == 0 {
		return nil, notARelease("it has no layers")
	}
	r := &Release{PullSpec: image.PullSpec(), Reference: ref, Digest: image.Digest,
		ListDigest: image.ListDigest, Image: image}
	err := image.Layer(ctx, image.Layers[len(image.Layers)-1], maxReleaseLayer, func(stream io.Reader) (err error) {
		r.layer, err = readLayer(stream)
		return err
	})
	if err != nil {
		return nil, err
	}
	references, ok := r.layer.file(fileReferences)
	if !ok {
		return nil, notARelease("its top layer has no release-manifests/image-references")
	}
	if r.References, err = parseReferences(references.Data); err != nil {
		return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading image-references: %w", err))
	}
	if metadata, ok := r.layer.file(fileMetadata); ok {
		if r.Metadata, err = parseMetadata(metadata.Data); err != nil {
			return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading release-metadata: %w", err))
		}
	} else {
		r.Warnings = append(r.Warnings, "The release has no release-metadata.")
	}
	r.Name = r.References.Name
	r.Created = r.References.CreationTimestamp.Time
	for _, component := range r.Components() {
		if component.Problem != "" {
			r.Warnings = append(r.Warnings, fmt.Sprintf("The source of %s is not used: %s.", component.Name,
				component.Problem))
		}
	}
	return r, nil
}

func notARelease(why string) error {
	return fault.New(fault.Unresolved, "Pass the pull spec of a release image, such as quay.io/okd/scos-release:TAG.",
		fmt.Errorf("not a release image: %s", why))
}

// Manifests returns the files that the cluster version operator applies, as the release layer has them:
// image-references and release-metadata are not among them.
func (r *Release) Manifests() []File {
	var files []File
	for _, entry := range r.layer.entries {
		if entry.isManifest() {
			files = append(files, entry.File)
		}
	}
	return files
}

// File returns one file of the release layer by its name, such as image-references.
func (r *Release) File(name string) (File, error) {
	file, ok := r.layer.file(strings.TrimPrefix(name, releaseDirectory+"/"))
	if !ok {
		return File{}, fault.Errorf(fault.Unresolved, "release %s has no file %q", r.PullSpec, name)
	}
	return file, nil
}
