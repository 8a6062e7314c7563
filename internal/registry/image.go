package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/near"
)

// Limits of what is read from a registry. image/v5 bounds manifests at 4 MiB itself.
const (
	maxConfig = 8 << 20 // bytes of an image's config
	maxLayers = 1000    // layers of an image
)

// Image is one image for one platform: its manifest, its config and where its layers are read.
type Image struct {
	Reference    types.ImageReference // as it was asked for
	Digest       digest.Digest        // of Manifest
	ListDigest   digest.Digest        // of the manifest list that the reference names; "" where it names one image
	List         []Instance           // the images of that list
	ListManifest []byte               // the list itself
	Manifest     []byte               // as the registry has it
	MediaType    string               // of Manifest
	Config       Config
	ConfigBlob   []byte           // Config as the registry has it
	ConfigInfo   types.BlobInfo   // its descriptor
	Layers       []types.BlobInfo // base layer first

	client *Client
	source Content
}

// Content is a place that has an image: the part of types.ImageSource that reading it takes.
type Content interface {
	GetManifest(ctx context.Context, instance *digest.Digest) ([]byte, string, error)
	GetBlob(ctx context.Context, info types.BlobInfo, cache types.BlobInfoCache) (io.ReadCloser, int64, error)
	LayerInfosForCopy(ctx context.Context, instance *digest.Digest) ([]types.BlobInfo, error)
}

// Config is the part of an image's config that payloads are made of. ConfigBlob of an Image has the whole of it.
type Config struct {
	Platform
	Created time.Time `json:"created"`
	Config  struct {
		Labels map[string]string `json:"Labels"`
		Env    []string          `json:"Env"`
	} `json:"config"`
	RootFS struct {
		DiffIDs []digest.Digest `json:"diff_ids"`
	} `json:"rootfs"`
}

// Image reads the manifest and the config of the image that a reference names, see ParseReference. From a manifest
// list it takes the client's platform, or the only image there is. Everything is verified against the digests that
// name it.
func (c *Client) Image(ctx context.Context, ref string) (*Image, error) {
	parsed, err := ParseReference(ref)
	if err != nil {
		return nil, err
	}
	image, err := c.image(ctx, parsed)
	if err != nil {
		explained, named := c.Explain(err, "reading image", ref), parsed.DockerReference()
		switch {
		case named != nil && unreachable(err):
			explained = fault.New(fault.Unresolved,
				fmt.Sprintf("Is %q the name of a registry that this machine reaches? HTTPS_PROXY names a proxy, "+
					"--idms-file mirrors; `oc rebuild doctor` looks at the machine.",
					reference.Domain(named)), explained)
		case isNotFound(err):
			if advice := c.nearTags(ctx, named); advice != "" {
				explained = fault.New(fault.Unresolved, advice, explained)
			}
		}
		return nil, explained
	}
	return image, nil
}

// nearTags says which tags of a repository are like one that it does not have; "" where that cannot be told.
func (c *Client) nearTags(ctx context.Context, named reference.Named) string {
	wanted, ok := named.(reference.Tagged)
	if !ok {
		return ""
	}
	reader, err := c.reader(named)
	if err != nil {
		return ""
	}
	tags, err := reader.places[0].Tags(ctx)
	if err != nil {
		return ""
	}
	like := near.Names(wanted.Tag(), tags)
	if len(like) == 0 {
		return ""
	}
	return "Tags that it has: " + strings.Join(like, ", ") + "."
}

// ImageIn is Image for a place that image/v5 does not know. ref is the pull spec, by digest, that the image goes by.
func (c *Client) ImageIn(ctx context.Context, place Content, ref string) (*Image, error) {
	parsed, err := ParseReference(ref)
	if err != nil {
		return nil, err
	}
	blob, claimed, err := place.GetManifest(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("reading image %q: %w", ref, err)
	}
	image, err := c.begin(ctx, parsed, fetched{place, blob, claimed})
	if err == nil {
		err = image.complete(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("reading image %q: %w", ref, err)
	}
	return image, nil
}

func (c *Client) image(ctx context.Context, ref types.ImageReference) (*Image, error) {
	image, err := c.manifest(ctx, ref)
	if err != nil {
		return nil, err
	}
	if err := c.allow(ctx, image); err != nil {
		return nil, err
	}
	if err := image.complete(ctx); err != nil {
		return nil, err
	}
	if ref.Transport().Name() == docker.Transport.Name() {
		c.remember(ref.DockerReference(), image.blobs())
	}
	return image, nil
}

// complete parses the manifest and reads the config.
func (i *Image) complete(ctx context.Context) error {
	if err := i.parse(); err != nil {
		return err
	}
	if err := i.uncompressed(ctx); err != nil {
		return err
	}
	return i.readConfig(ctx)
}

func (i *Image) readConfig(ctx context.Context) error {
	err := i.client.retry(ctx, func() error {
		var buffer bytes.Buffer
		err := i.Blob(ctx, i.ConfigInfo, func(r io.Reader) error {
			_, err := buffer.ReadFrom(r)
			return err
		})
		i.ConfigBlob = buffer.Bytes()
		return err
	})
	if err != nil {
		return fmt.Errorf("reading its config: %w", err)
	}
	if err := json.Unmarshal(i.ConfigBlob, &i.Config); err != nil {
		return malformed("config", err)
	}
	return nil
}

// malformed says what of an image cannot be read, and why, in a line: parsers may show all that they were given. The
// error has the class fault.Unresolved.
func malformed(what string, err error) error {
	const most = 300
	if text := err.Error(); len(text) > most {
		err = errors.New(strings.ToValidUTF8(text[:most], "") + "…")
	}
	return fault.New(fault.Unresolved, "", fmt.Errorf("its %s cannot be read: %w", what, err))
}

// CheckPlatform refuses an image for another platform than the one that the client's options ask for. Where they ask
// for none any will do: there is only this one. The error has the class fault.Unresolved.
func (i *Image) CheckPlatform() error {
	want, have := i.client.Platform(), i.Config.Platform
	if i.client.options.Platform == "" || have.Architecture == "" ||
		have.OS == want.OS && have.Architecture == want.Architecture {
		return nil
	}
	advice := "Leave --platform out, or name an image for that platform."
	if from := i.client.options.PlatformFrom; from != "" {
		advice = fmt.Sprintf("%s is the default of %s: pass --platform %s, or name an image for that platform.",
			i.client.options.Platform, from, have)
	}
	return fault.New(fault.Unresolved, advice,
		fmt.Errorf("it is for %s, not for %s", have, want))
}

// manifest reads the manifest that ref names and, where that is a list, the one for the client's platform.
func (c *Client) manifest(ctx context.Context, ref types.ImageReference) (*Image, error) {
	got, err := c.fetch(ctx, ref)
	if err != nil {
		return nil, err
	}
	return c.begin(ctx, ref, got)
}

// begin makes an image of a manifest and, where that is a list, of the one for the client's platform.
func (c *Client) begin(ctx context.Context, ref types.ImageReference, got fetched) (image *Image, err error) {
	image = &Image{Reference: ref, Manifest: got.blob, MediaType: mediaType(got.blob, got.mediaType), client: c,
		source: got.source}
	if image.Digest, err = manifest.Digest(got.blob); err != nil {
		return nil, fmt.Errorf("computing the digest of its manifest: %w", err)
	}
	if canonical, ok := ref.DockerReference().(reference.Canonical); ok {
		if err := verifyManifest(got.blob, canonical.Digest()); err != nil {
			return nil, err
		}
		image.Digest = canonical.Digest()
	}
	if !manifest.MIMETypeIsMultiImage(image.MediaType) {
		return image, nil
	}
	return image, c.choose(ctx, image)
}

// parse reads layers and config descriptor out of the manifest. URLs in it are dropped: content comes from the
// registry only.
func (i *Image) parse() error {
	if err := manifest.SupportedSchema2MediaType(i.MediaType); err != nil &&
		!strings.HasPrefix(i.MediaType, "application/vnd.oci.image.manifest.") {
		return fault.Errorf(fault.Unresolved, "its manifest has type %q: want docker v2 schema 2 or OCI", i.MediaType)
	}
	parsed, err := manifest.FromBlob(i.Manifest, i.MediaType)
	if err != nil {
		return malformed("manifest", err)
	}
	i.ConfigInfo = parsed.ConfigInfo()
	if i.ConfigInfo.Digest == "" {
		return fault.Errorf(fault.Unresolved,
			"its manifest of type %q names no config: docker v2 schema 1 is not supported", i.MediaType)
	}
	for _, layer := range parsed.LayerInfos() {
		i.Layers = append(i.Layers, layer.BlobInfo)
	}
	if len(i.Layers) > maxLayers {
		return fmt.Errorf("its manifest names %d layers, more than %d", len(i.Layers), maxLayers)
	}
	for n := range i.Layers {
		i.Layers[n].URLs = nil
		if err := i.Layers[n].Digest.Validate(); err != nil {
			return fmt.Errorf("its manifest names layer %q: %w", i.Layers[n].Digest, err)
		}
		if i.Layers[n].Size < 0 {
			return fmt.Errorf("its manifest says that layer %s has %d bytes", i.Layers[n].Digest, i.Layers[n].Size)
		}
	}
	i.ConfigInfo.URLs = nil
	if i.ConfigInfo.Size <= 0 || i.ConfigInfo.Size > maxConfig {
		return fmt.Errorf("its config has %d bytes, want 1 to %d", i.ConfigInfo.Size, maxConfig)
	}
	return i.ConfigInfo.Digest.Validate()
}

// uncompressed replaces the layers by those that the source has, where they differ from the manifest's: local storage
// keeps layers uncompressed.
func (i *Image) uncompressed(ctx context.Context) error {
	infos, err := i.source.LayerInfosForCopy(ctx, nil)
	if err != nil {
		return fmt.Errorf("listing its layers: %w", err)
	}
	if len(infos) == len(i.Layers) {
		i.Layers = infos
	}
	return nil
}

// mediaType returns the type that a manifest has, by what it says itself first: registries and caches mislabel.
func mediaType(blob []byte, claimed string) string {
	if guess := manifest.GuessMIMEType(blob); guess != "" {
		return guess
	}
	return manifest.NormalizedMIMEType(claimed)
}

// PullSpec returns repository@digest for an image from a registry, naming the list where the reference named one, and
// the reference with its transport otherwise.
func (i *Image) PullSpec() string {
	if i.Reference.Transport().Name() != docker.Transport.Name() {
		return i.Reference.Transport().Name() + ":" + i.Reference.StringWithinTransport()
	}
	return i.Reference.DockerReference().Name() + "@" + i.TopDigest().String()
}

// TopDigest returns the digest that the reference leads to: that of the manifest list where there is one, else of the
// image.
func (i *Image) TopDigest() digest.Digest {
	if i.ListDigest != "" {
		return i.ListDigest
	}
	return i.Digest
}
