package image

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// platformOf is what an image runs on, as its config says.
func platformOf(config []byte) (registry.Platform, error) {
	var platform registry.Platform
	if err := json.Unmarshal(config, &platform); err != nil {
		return platform, fmt.Errorf("parsing the config of an image: %w", err)
	}
	return platform, nil
}

// List makes one image of a component of several that were pushed, each for another platform, and returns it in place
// of that for the chain's own platform. Equal images give an equal list, in whatever order they come.
func (c *Chain) List(ctx context.Context, needs []Need) (Need, []registry.Platform, error) {
	var platforms []registry.Platform
	var entries []ocispec.Descriptor
	own := -1
	wants := c.shop.wants()
	for i, need := range needs {
		platform, err := platformOf(need.Image.Config)
		if err != nil {
			return Need{}, nil, err
		}
		if slices.Contains(platforms, platform) {
			return Need{}, nil, fault.Errorf(fault.Usage, "two images of %q are for %s", need.Unit.Name, platform)
		}
		if wants.Matches(platform) {
			own = i
		}
		platforms = append(platforms, platform)
		entries = append(entries, ocispec.Descriptor{
			MediaType: manifest.GuessMIMEType(need.Image.Manifest), Digest: need.Image.Digest(),
			Size: int64(len(need.Image.Manifest)),
			Platform: &ocispec.Platform{OS: platform.OS, Architecture: platform.Architecture,
				Variant: platform.Variant},
		})
	}
	if own < 0 {
		return Need{}, nil, fault.Errorf(fault.Usage, "no image of %q is for %s", needs[0].Unit.Name, wants)
	}
	list, err := listOf(entries)
	if err != nil {
		return Need{}, nil, err
	}
	need := needs[own]
	need.Image.PullSpec, err = c.shop.pushList(ctx, need, needs, list)
	return need, platforms, err
}

// listOf writes a manifest list of docker's kind, which all clients know, or an index where an image is of OCI's.
func listOf(entries []ocispec.Descriptor) ([]byte, error) {
	slices.SortFunc(entries, func(a, b ocispec.Descriptor) int {
		return strings.Compare(a.Platform.Architecture+a.Platform.Variant, b.Platform.Architecture+b.Platform.Variant)
	})
	if slices.ContainsFunc(entries, func(entry ocispec.Descriptor) bool {
		return entry.MediaType != manifest.DockerV2Schema2MediaType
	}) {
		return manifest.OCI1IndexFromComponents(entries, nil).Serialize()
	}
	var images []manifest.Schema2ManifestDescriptor
	for _, entry := range entries {
		images = append(images, manifest.Schema2ManifestDescriptor{
			Schema2Descriptor: manifest.Schema2Descriptor{MediaType: entry.MediaType, Size: entry.Size,
				Digest: entry.Digest},
			Platform: manifest.Schema2PlatformSpec{OS: entry.Platform.OS, Architecture: entry.Platform.Architecture,
				Variant: entry.Platform.Variant},
		})
	}
	return manifest.Schema2ListFromComponents(images).Serialize()
}

// pushList sends a list to the repository of its component, which has the images.
func (s *shop) pushList(ctx context.Context, own Need, needs []Need, list []byte) (string, error) {
	for _, need := range needs {
		if repository, _ := registry.SplitDigest(need.Image.PullSpec); repository != own.Unit.Target {
			return "", fault.Errorf(fault.Usage, "the image %s of %q is not in %s, where its list goes",
				need.Image.PullSpec, need.Unit.Name, own.Unit.Target)
		}
	}
	target, err := s.Pushing.Target(ctx, pushTag(own.Unit.Target, own.Unit.Name, digest.FromBytes(list)))
	if err != nil {
		return "", err
	}
	defer target.Close()
	sum, err := target.Commit(ctx, list)
	if err != nil {
		return "", err
	}
	return target.Repository() + "@" + sum.String(), nil
}
