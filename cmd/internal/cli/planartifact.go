package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// planType is the media type of a plan in a registry: an OCI artifact (image-spec 1.1, "guidelines for artifact usage")
// whose one layer is the plan as JSON.
const planType = "application/vnd.oc-rebuild.plan.v1+json"

// pushPlan sends a plan to a repository and returns its pull spec by digest. What could not be carried out elsewhere is
// refused, as plan.Read does.
func (o *registryOptions) pushPlan(ctx context.Context, streams Streams, planned *plan.Plan, repository string) (pullSpec string, err error) {
	data, err := json.Marshal(planned)
	if err != nil {
		return "", fmt.Errorf("writing the plan: %w", err)
	}
	if _, err := plan.Read(data); err != nil {
		return "", err
	}
	empty := imagespec.DescriptorEmptyJSON
	manifest, err := json.Marshal(imagespec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: imagespec.MediaTypeImageManifest, ArtifactType: planType,
		Config: imagespec.Descriptor{MediaType: empty.MediaType, Digest: empty.Digest, Size: empty.Size},
		Layers: []imagespec.Descriptor{{MediaType: planType, Digest: digest.FromBytes(data), Size: int64(len(data))}},
	})
	if err != nil {
		return "", fmt.Errorf("describing the plan: %w", err)
	}
	_, pushing, closeClients, err := o.clients(streams.notice)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, closeClients()) }()
	target, err := pushing.Target(ctx, repository)
	if err != nil {
		return "", err
	}
	defer target.Close()
	if err := target.PutAll(ctx, []registry.Blob{registry.Bytes(data, planType, false), registry.Bytes(empty.Data, empty.MediaType, true)}); err != nil {
		return "", err
	}
	sum, err := target.Commit(ctx, manifest)
	return target.Repository() + "@" + sum.String(), err
}

// readPlan reads a plan: a file, - for standard input, or a pull spec by digest.
func (o *registryOptions) readPlan(ctx context.Context, streams Streams, name string) (*plan.Plan, error) {
	read := func() ([]byte, error) { return readInput(streams, name) }
	if _, sum := registry.SplitDigest(name); sum != "" {
		read = func() ([]byte, error) { return o.pullPlan(ctx, streams, name) }
	}
	data, err := read()
	if err != nil {
		return nil, err
	}
	planned, err := plan.Read(data)
	if err != nil {
		return nil, fmt.Errorf("plan %q: %w", name, err)
	}
	return planned, nil
}

func (o *registryOptions) pullPlan(ctx context.Context, streams Streams, pullSpec string) (_ []byte, err error) {
	client, err := o.client(streams.notice)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	manifest, open, err := client.Raw(ctx, pullSpec)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(manifest.Blobs, func(blob types.BlobInfo) bool { return blob.MediaType == planType })
	if at < 0 || manifest.Blobs[at].Size > maxInput {
		return nil, fault.Errorf(fault.Unresolved, "%q is not a plan that `oc rebuild plan --push` made", pullSpec)
	}
	var data bytes.Buffer
	if err := open(manifest.Blobs[at]).Copy(ctx, &data); err != nil {
		return nil, fmt.Errorf("reading plan %q: %w", pullSpec, err)
	}
	return data.Bytes(), nil
}
