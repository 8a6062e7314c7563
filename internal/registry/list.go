package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Instance is one image of a manifest list.
type Instance struct {
	Digest    digest.Digest
	MediaType string
	Size      int64
	Platform  Platform
}

// Platform is what an image runs on.
type Platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant,omitempty"`
}

// String returns os/architecture, and the variant where there is one.
func (p Platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// ParsePlatform reads os/arch or os/arch/variant, and returns it as it is usually written: x86_64 is amd64. The error has the class fault.Usage.
func ParsePlatform(text string) (Platform, error) {
	parts := strings.Split(text, "/")
	isWord := func(part string) bool {
		return part != "" && strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
	}
	if len(parts) < 2 || len(parts) > 3 || slices.ContainsFunc(parts, func(part string) bool { return !isWord(part) }) {
		return Platform{}, fault.Errorf(fault.Usage,
			"platform %q: want os/arch or os/arch/variant, such as linux/arm64", text)
	}
	platform := Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		platform.Variant = parts[2]
	}
	return platform.Normal(), nil
}

// Normal is the platform as it is usually written: arm64/v8 is arm64.
func (p Platform) Normal() Platform {
	normal := platforms.Normalize(ocispec.Platform{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant})
	return Platform{normal.OS, normal.Architecture, normal.Variant}
}

// Matches reports whether an image for another platform is one for this: where either has no variant it may be any.
func (p Platform) Matches(image Platform) bool {
	p, image = p.Normal(), image.Normal()
	return p.OS == image.OS && p.Architecture == image.Architecture && (p.Variant == "" || image.Variant == "" || p.Variant == image.Variant)
}

// find returns where a list has the image for a platform, -1 where it has none: one for exactly that before one for all
// variants. One for another variant need not run.
func find(list []Instance, wanted Platform) int {
	exact := slices.IndexFunc(list, func(one Instance) bool { return one.Platform.Normal() == wanted.Normal() })
	if exact >= 0 {
		return exact
	}
	return slices.IndexFunc(list, func(one Instance) bool {
		return one.Platform.Normal().Variant == "" && wanted.Matches(one.Platform)
	})
}

// Instances returns the images of the image's manifest list that are for platforms, one for each; all where none are
// named. Where one is missing the error has the class fault.Unresolved.
func (i *Image) Instances(wanted []Platform) ([]Instance, error) {
	if wanted == nil {
		return i.List, nil
	}
	var found []Instance
	for _, platform := range wanted {
		at := find(i.List, platform)
		if at < 0 {
			return nil, noPlatform(platform, i.List)
		}
		found = append(found, i.List[at])
	}
	return found, nil
}

// Platform is what the client chooses from manifest lists.
func (c *Client) Platform() Platform {
	return Platform{c.system.OSChoice, c.system.ArchitectureChoice, c.system.VariantChoice}
}

// choose turns an image that holds a manifest list into the one of the client's platform.
func (c *Client) choose(ctx context.Context, image *Image) error {
	list, err := manifest.ListFromBlob(image.Manifest, image.MediaType)
	if err != nil {
		return malformed("manifest list", err)
	}
	if image.List, err = instances(image.Manifest); err != nil {
		return err
	}
	var chosen digest.Digest
	if at := find(image.List, c.Platform()); at >= 0 {
		chosen = image.List[at].Digest
	} else if chosen, err = list.ChooseInstance(c.system); err == nil { // of an older variant, which runs there too
	} else if len(image.List) == 1 {
		chosen = image.List[0].Digest
	} else {
		return noPlatform(c.Platform(), image.List)
	}
	if err := chosen.Validate(); err != nil {
		return fault.New(fault.Unresolved, "", fmt.Errorf("its manifest list names %q: %w", chosen, err))
	}
	image.ListDigest, image.ListManifest, image.Digest = image.Digest, image.Manifest, chosen
	blob, guess, err := image.source.GetManifest(ctx, &chosen)
	if err != nil {
		return fmt.Errorf("reading manifest %s of its list: %w", chosen, err)
	}
	if err := verifyManifest(blob, chosen); err != nil {
		return err
	}
	image.Manifest, image.MediaType = blob, mediaType(blob, guess)
	if manifest.MIMETypeIsMultiImage(image.MediaType) {
		return fault.Errorf(fault.Unresolved, "manifest %s of its list is a list again, which is not supported", chosen)
	}
	return nil
}

// ErrNoPlatform is in the error about a manifest list that lacks an image for a platform.
var ErrNoPlatform = errors.New("has no image for")

func noPlatform(want Platform, list []Instance) error {
	return fault.New(fault.Unresolved, "Choose one with --platform.",
		fmt.Errorf("its manifest list %w %s, only for %s", ErrNoPlatform, want, PlatformsOf(list)))
}

// PlatformsOf says in a message what the images of a list are for. A list may have any number: the first 20 are named.
func PlatformsOf(list []Instance) string {
	var have []string
	for i, instance := range list {
		if i == 20 {
			have = append(have, "…")
			break
		}
		have = append(have, instance.Platform.String())
	}
	return strings.Join(have, ", ")
}

// instances reads the entries of a manifest list or an OCI index, which have the same fields.
func instances(blob []byte) ([]Instance, error) {
	var list struct {
		Manifests []Instance `json:"manifests"`
	}
	if err := json.Unmarshal(blob, &list); err != nil {
		return nil, malformed("manifest list", err)
	}
	for _, instance := range list.Manifests {
		if err := instance.Digest.Validate(); err != nil {
			return nil, fault.New(fault.Unresolved, "",
				fmt.Errorf("its manifest list names %q: %w", instance.Digest, err))
		}
	}
	return list.Manifests, nil
}
