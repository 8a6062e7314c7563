// Package artifact keeps plans in a registry: an OCI artifact (image-spec 1.1, "guidelines for artifact usage") whose
// layers are a plan as JSON, and the working trees that it takes its source from.
package artifact

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

const (
	// Type is the media type of a plan, and the type of the artifact.
	Type = "application/vnd.oc-rebuild.plan.v1+json"
	// maxTrees is how many working trees a plan comes with at the most.
	maxTrees = 1000
)

// Push sends a plan to a repository, with the archives of working trees that it names, and returns its pull spec by
// digest. What could not be carried out elsewhere is refused, as plan.Read does.
func Push(ctx context.Context, client *registry.Client, repository string, planned *plan.Plan,
	archives []registry.Blob) (string, error) {
	data, err := json.Marshal(planned)
	if err != nil {
		return "", fmt.Errorf("writing the plan: %w", err)
	}
	if _, err := plan.Read(data); err != nil {
		return "", err
	}
	if err := portable(planned); err != nil {
		return "", err
	}
	empty := imagespec.DescriptorEmptyJSON
	blobs := append([]registry.Blob{registry.Bytes(data, Type)}, archives...)
	var layers []imagespec.Descriptor
	for _, blob := range blobs {
		layers = append(layers, imagespec.Descriptor{MediaType: blob.MediaType, Digest: blob.Digest, Size: blob.Size})
	}
	manifest, err := json.Marshal(imagespec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imagespec.MediaTypeImageManifest, ArtifactType: Type,
		Config: imagespec.Descriptor{MediaType: empty.MediaType, Digest: empty.Digest,
			Size: empty.Size}, Layers: layers,
	})
	if err != nil {
		return "", fmt.Errorf("describing the plan: %w", err)
	}
	tag := "plan-" + digest.FromBytes(manifest).Encoded()[:12] // what has no tag is garbage to registries
	target, err := client.Target(repository + ":" + tag)
	if err != nil {
		return "", err
	}
	if err := target.PutAll(ctx, append(blobs, registry.Bytes(empty.Data, empty.MediaType))); err != nil {
		return "", err
	}
	sum, err := target.Commit(ctx, manifest)
	return target.Repository() + "@" + sum.String(), err
}

// portable refuses a plan that starts from a payload in a place of one machine, such as oci:DIR.
func portable(planned *plan.Plan) error {
	ref, err := registry.ParseReference(planned.Release.PullSpec)
	if err != nil {
		return err
	}
	if ref.Transport().Name() != "docker" {
		return fault.Errorf(fault.Unresolved, "release.pullspec: %q is not in a registry, where others would find it",
			planned.Release.PullSpec)
	}
	return nil
}

// Pull reads the plan that a pull spec by digest names. An error has the class fault.Unresolved where that is no plan,
// and those of plan.Read.
func Pull(ctx context.Context, client *registry.Client, pullSpec string) (*plan.Plan, error) {
	manifest, open, err := client.Raw(ctx, pullSpec)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(manifest.Blobs, func(blob types.BlobInfo) bool { return blob.MediaType == Type })
	if at < 0 || manifest.Blobs[at].Size > plan.MaxSize || len(manifest.Blobs) > maxTrees {
		return nil, fault.Errorf(fault.Unresolved, "%q is not a plan that `oc rebuild plan --push` made", pullSpec)
	}
	var data bytes.Buffer
	if err := open(manifest.Blobs[at]).Copy(ctx, &data); err != nil {
		return nil, fmt.Errorf("reading plan %q: %w", pullSpec, err)
	}
	planned, err := plan.Read(data.Bytes())
	if err == nil {
		err = portable(planned)
	}
	if err != nil {
		return nil, err
	}
	return planned, nil
}

// Archive copies the archive of a working tree that a plan came with. What was written is to be trusted only if the
// error is nil.
func Archive(ctx context.Context, client *registry.Client, pullSpec string, archive digest.Digest, to io.Writer) error {
	manifest, open, err := client.Raw(ctx, pullSpec)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(manifest.Blobs, func(blob types.BlobInfo) bool {
		return blob.MediaType == source.ArchiveType && blob.Digest == archive
	})
	if at < 0 {
		return fault.Errorf(fault.Unresolved, "plan %q comes without the working tree %s", pullSpec, archive)
	}
	if size := manifest.Blobs[at].Size; size > source.MaxArchive {
		return fault.Errorf(fault.Unresolved, "the working tree of plan %q has %d bytes, more than %d", pullSpec, size,
			int64(source.MaxArchive))
	}
	if err := open(manifest.Blobs[at]).Copy(ctx, to); err != nil {
		return fmt.Errorf("reading the source from plan %q: %w", pullSpec, err)
	}
	return nil
}
