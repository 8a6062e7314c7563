package payload

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/openshift/api/image/docker10"
	"go.podman.io/image/v5/manifest"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// built is a release image, ready to be pushed.
type built struct {
	base     base
	config   []byte
	manifest []byte
}

// packed is a release layer, compressed.
type packed struct {
	data []byte
	diff digest.Digest // of the tar
}

// build is buildNow, once: packing takes longer than all the rest.
func (a *Assembly) build() (packed, []built, error) {
	a.buildOnce.Do(func() { a.packed, a.images, a.buildErr = a.buildNow() })
	return a.packed, a.images, a.buildErr
}

// buildNow makes the release image of each base: the base's layers and the release layer on top, a config with the
// labels of a release, and a docker v2 schema 2 manifest. The same input gives the same bytes.
func (a *Assembly) buildNow() (packed, []built, error) {
	if len(a.bases) == 0 {
		return packed{}, nil, fault.New(fault.Unresolved,
			"Name the image to build the release on with --to-image-base.",
			fmt.Errorf("the base image tag %q could not be found in the input, cannot build a release image",
				componentCVO))
	}
	top, err := a.layer.pack()
	if err != nil {
		return packed{}, nil, fmt.Errorf("packing the release layer: %w", err)
	}
	var images []built
	for _, b := range a.bases {
		image, err := a.buildOn(b, top)
		if err != nil {
			return packed{}, nil, err
		}
		images = append(images, image)
	}
	return top, images, nil
}

func (a *Assembly) buildOn(b base, top packed) (built, error) {
	var layers []descriptor
	for _, info := range b.layers {
		layers = append(layers, descriptor{MediaType: dockerType(info.MediaType), Size: info.Size, Digest: info.Digest})
	}
	layers = append(layers, descriptor{MediaType: manifest.DockerV2Schema2LayerMediaType, Size: int64(len(top.data)),
		Digest: digest.FromBytes(top.data)})
	config, err := a.config(b, layers, top.diff)
	if err != nil {
		return built{}, fmt.Errorf("writing the config of the release image: %w", err)
	}
	m, err := json.MarshalIndent(schema2{
		SchemaVersion: 2, MediaType: manifest.DockerV2Schema2MediaType,
		Config: descriptor{MediaType: manifest.DockerV2Schema2ConfigMediaType, Size: int64(len(config)),
			Digest: digest.FromBytes(config)},
		Layers: layers,
	}, "", "   ")
	if err != nil {
		return built{}, fmt.Errorf("writing the manifest of the release image: %w", err)
	}
	return built{base: b, config: config, manifest: m}, nil
}

// list makes the manifest list of release images, each for the platform that its base has in the base's list.
func list(images []built) ([]byte, error) {
	l := schema2List{SchemaVersion: 2, MediaType: manifest.DockerV2ListMediaType}
	for _, image := range images {
		l.Manifests = append(l.Manifests, instance{descriptor{MediaType: manifest.DockerV2Schema2MediaType,
			Size:   int64(len(image.manifest)),
			Digest: digest.FromBytes(image.manifest)}, image.base.platform})
	}
	data, err := json.MarshalIndent(l, "", "   ")
	if err != nil {
		return nil, fmt.Errorf("writing the manifest list of the release image: %w", err)
	}
	return data, nil
}

// dockerType returns what docker v2 schema 2 calls a layer of the given type. oc keeps the types of an OCI base as
// they are, and neither podman nor CRI-O can pull the release image that results; the bytes behind both names are the
// same.
func dockerType(mediaType string) string {
	if mediaType == ocispec.MediaTypeImageLayerGzip {
		return manifest.DockerV2Schema2LayerMediaType
	}
	return mediaType
}

// pack writes the layer as a gzipped tar.
func (l layer) pack() (packed, error) {
	var buffer bytes.Buffer
	plain := digest.Canonical.Digester()
	compressor := gzip.NewWriter(&buffer)
	if err := l.write(io.MultiWriter(compressor, plain.Hash())); err != nil {
		return packed{}, err
	}
	if err := compressor.Close(); err != nil {
		return packed{}, err
	}
	return packed{buffer.Bytes(), plain.Digest()}, nil
}

// write writes the layer as a tar.
func (l layer) write(to io.Writer) error {
	w := tar.NewWriter(to)
	for _, e := range l.entries {
		header := &tar.Header{Name: e.path, Mode: e.mode, ModTime: e.ModTime, Typeflag: tar.TypeReg,
			Size: int64(len(e.Data))}
		if e.directory {
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := w.Write(e.Data); err != nil {
			return err
		}
	}
	return w.Close()
}

// schema2 is a docker v2 schema 2 manifest, with its fields and those of its descriptors in the order in which
// docker's own library writes them.
type schema2 struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type schema2List struct {
	SchemaVersion int        `json:"schemaVersion"`
	MediaType     string     `json:"mediaType"`
	Manifests     []instance `json:"manifests"`
}

type instance struct {
	descriptor
	Platform registry.Platform `json:"platform"`
}

type descriptor struct {
	MediaType string        `json:"mediaType,omitempty"`
	Digest    digest.Digest `json:"digest"`
	Size      int64         `json:"size"`
}

// imageConfig is the config of an image with its fields in the order in which oc writes them; an empty id is among
// them.
type imageConfig struct {
	ID              string                 `json:"id"`
	Parent          string                 `json:"parent,omitempty"`
	Comment         string                 `json:"comment,omitempty"`
	Created         time.Time              `json:"created"`
	Container       string                 `json:"container,omitempty"`
	ContainerConfig docker10.DockerConfig  `json:"container_config"`
	DockerVersion   string                 `json:"docker_version,omitempty"`
	Author          string                 `json:"author,omitempty"`
	Config          *docker10.DockerConfig `json:"config,omitempty"`
	Architecture    string                 `json:"architecture,omitempty"`
	Size            int64                  `json:"size,omitempty"`
	RootFS          *rootFS                `json:"rootfs,omitempty"`
	History         []history              `json:"history,omitempty"`
	OS              string                 `json:"os,omitempty"`
	OSVersion       string                 `json:"os.version,omitempty"`
	OSFeatures      []string               `json:"os.features,omitempty"`
}

type rootFS struct {
	Type    string          `json:"type"`
	DiffIDs []digest.Digest `json:"diff_ids,omitempty"`
}

type history struct {
	Created    time.Time `json:"created"`
	Author     string    `json:"author,omitempty"`
	CreatedBy  string    `json:"created_by,omitempty"`
	Comment    string    `json:"comment,omitempty"`
	EmptyLayer bool      `json:"empty_layer,omitempty"`
}

// config makes the release image's config of its base's: what the base runs stays, the labels are those of a release
// and no others.
func (a *Assembly) config(b base, layers []descriptor, diff digest.Digest) ([]byte, error) {
	var c imageConfig
	if err := json.Unmarshal(b.image.ConfigBlob, &c); err != nil {
		return nil, fmt.Errorf("parsing the base image's: %w", err)
	}
	c.ID, c.Parent, c.Container, c.ContainerConfig = "", "", "", docker10.DockerConfig{}
	if c.OS == "" {
		c.OS = "linux"
	}
	if c.Architecture == "" {
		c.Architecture = "amd64"
	}
	if c.Config == nil {
		c.Config = &docker10.DockerConfig{}
	}
	c.Config.Labels = map[string]string{labelRelease: a.Name, labelBaseDigest: b.digest.String()}
	c.Created = a.Created.UTC().Truncate(time.Second)
	c.History = []history{{Created: c.Created, Comment: "Release image for OpenShift"}}
	for len(c.History) < len(layers) {
		c.History = append(c.History, history{Created: c.Created})
	}
	c.RootFS = &rootFS{Type: "layers", DiffIDs: append(append([]digest.Digest{}, b.diffs...), diff)}
	c.Size = 0
	for _, layer := range layers {
		c.Size += layer.Size
	}
	return json.Marshal(c)
}

// Digest returns the digest that the release will have once it is pushed: that of its manifest, or of its manifest
// list.
func (a *Assembly) Digest() (digest.Digest, error) {
	if a.Method == Copy {
		if a.keepList && a.old.ListDigest != "" {
			return a.old.ListDigest, nil
		}
		return a.old.Digest, nil
	}
	_, images, err := a.build()
	if err != nil {
		return "", err
	}
	top, err := a.topManifest(images)
	return digest.FromBytes(top), err
}

// topManifest is what the tag of the release names.
func (a *Assembly) topManifest(images []built) ([]byte, error) {
	if a.keepList && images[0].base.platform.OS != "" {
		return list(images)
	}
	return images[0].manifest, nil
}
