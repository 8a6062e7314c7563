package image

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

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
	return platform.Normal(), nil
}

// CheckPlatform refuses an image for another platform. The error has the class fault.Unresolved.
func (a *Image) CheckPlatform(wanted registry.Platform) error {
	platform, err := platformOf(a.Config)
	if err == nil && platform.Architecture != "" && !wanted.Matches(platform) {
		err = fault.Errorf(fault.Unresolved, "%s is for %s, and not for %s", a.PullSpec, platform, wanted)
	}
	return err
}

// List makes one image of a component of several that were pushed, one for each platform, and returns it in place of
// that for the chain's own platform. Equal images give an equal list, in whatever order they come. Where they are not
// for these platforms the error has the class fault.Usage.
func (c *Chain) List(ctx context.Context, platforms []registry.Platform, needs []Need) (Need, error) {
	var entries []ocispec.Descriptor
	var own Need
	for _, wanted := range platforms {
		var found []Need
		for _, need := range needs {
			platform, err := platformOf(need.Image.Config)
			if err != nil {
				return Need{}, err
			}
			if wanted.Matches(platform) {
				found = append(found, need)
			}
		}
		if len(found) != 1 {
			return Need{}, fault.Errorf(fault.Usage, "%d images are for %s: want one for each of %v", len(found), wanted,
				platforms)
		}
		image := found[0].Image
		if c.shop.Reading.Platform().Matches(wanted) {
			own = found[0]
		}
		entries = append(entries, ocispec.Descriptor{
			MediaType: manifest.GuessMIMEType(image.Manifest), Digest: image.Digest(),
			Size:     int64(len(image.Manifest)),
			Platform: &ocispec.Platform{OS: wanted.OS, Architecture: wanted.Architecture, Variant: wanted.Variant},
		})
	}
	if len(needs) != len(platforms) {
		return Need{}, fault.Errorf(fault.Usage, "there are %d images for %v", len(needs), platforms)
	}
	list, err := listOf(entries)
	if err != nil {
		return Need{}, err
	}
	own.Image.PullSpec, err = c.shop.pushList(ctx, own, needs, list)
	return own, err
}

// listOf writes a manifest list of docker's kind, which all clients know, or an index where an image is of OCI's.
func listOf(entries []ocispec.Descriptor) ([]byte, error) {
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
	to, err := registry.ParsePullSpec(own.Unit.Target)
	if err != nil {
		return "", err
	}
	for _, need := range needs {
		image, err := registry.ParsePullSpec(need.Image.PullSpec)
		if err != nil {
			return "", err
		}
		if image.Name() != to.Name() {
			return "", fault.New(fault.Usage, fmt.Sprintf("Pass --to-repository %s.", image.Name()),
				fmt.Errorf("the image %s of %q is not in %s, where its list goes", need.Image.PullSpec, need.Unit.Name,
					own.Unit.Target))
		}
	}
	target, err := s.Pushing.Target(pushTag(own.Unit.Target, own.Unit.Name, digest.FromBytes(list)))
	if err != nil {
		return "", err
	}
	sum, err := target.Commit(ctx, list)
	if err != nil {
		return "", err
	}
	return target.Repository() + "@" + sum.String(), nil
}
