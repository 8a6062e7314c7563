package payload

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/openshift/api/image/docker10"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/types"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// base is what a release image is built on: the layers of an image, and the digest by which the release names it.
type base struct {
	image  *registry.Image
	layers []types.BlobInfo
	diffs  []digest.Digest
	digest digest.Digest
}

// base returns what the release image is built on: all of it but the release layer.
func (r *Release) base() base {
	diffs := r.Image.Config.RootFS.DiffIDs
	return base{image: r.Image, layers: r.Image.Layers[:len(r.Image.Layers)-1], diffs: diffs[:max(0, len(diffs)-1)],
		digest: digest.Digest(r.Image.Config.Config.Labels[labelBaseDigest])}
}

// base returns what the new release image is built on: a changed cluster-version-operator, else what the old one is.
func (a *assembler) base(ctx context.Context) (base, error) {
	for _, s := range a.swaps {
		if s.name == componentCVO {
			return baseImage(ctx, a.client, s.spec)
		}
	}
	return a.old.base(), nil
}

func baseImage(ctx context.Context, c *registry.Client, spec string) (base, error) {
	image, err := c.Image(ctx, spec)
	if err != nil {
		return base{}, fmt.Errorf("reading the base of the release image: %w", err)
	}
	return base{image: image, layers: image.Layers, diffs: image.Config.RootFS.DiffIDs, digest: image.Digest}, nil
}

// built is a release image, ready to be pushed.
type built struct {
	layer, config []byte
	manifest      []byte
}

// build makes the release image: the base's layers and the release layer on top, a config with the labels of a release, and a docker v2
// schema 2 manifest. The same input gives the same bytes.
func (a *Assembly) build() (built, error) {
	compressed, diff, err := a.layer.pack()
	if err != nil {
		return built{}, fmt.Errorf("packing the release layer: %w", err)
	}
	top := descriptor{MediaType: manifest.DockerV2Schema2LayerMediaType, Size: int64(len(compressed)), Digest: digest.FromBytes(compressed)}
	var layers []descriptor
	for _, info := range a.base.layers {
		layers = append(layers, descriptor{MediaType: dockerType(info.MediaType), Size: info.Size, Digest: info.Digest})
	}
	layers = append(layers, top)
	config, err := a.config(layers, diff)
	if err != nil {
		return built{}, fmt.Errorf("writing the config of the release image: %w", err)
	}
	m, err := json.MarshalIndent(schema2{
		SchemaVersion: 2, MediaType: manifest.DockerV2Schema2MediaType,
		Config: descriptor{MediaType: manifest.DockerV2Schema2ConfigMediaType, Size: int64(len(config)), Digest: digest.FromBytes(config)},
		Layers: layers,
	}, "", "   ")
	if err != nil {
		return built{}, fmt.Errorf("writing the manifest of the release image: %w", err)
	}
	return built{layer: compressed, config: config, manifest: m}, nil
}

// dockerType returns what docker v2 schema 2 calls a layer of the given type. oc keeps the types of an OCI base as they are, and neither
// podman nor CRI-O can pull the release image that results; the bytes behind both names are the same.
func dockerType(mediaType string) string {
	if mediaType == ocispec.MediaTypeImageLayerGzip {
		return manifest.DockerV2Schema2LayerMediaType
	}
	return mediaType
}

// pack writes the layer as a gzipped tar, and returns the digest that the tar has uncompressed too.
func (l layer) pack() ([]byte, digest.Digest, error) {
	var buffer bytes.Buffer
	plain := digest.Canonical.Digester()
	compressor := gzip.NewWriter(&buffer)
	w := tar.NewWriter(io.MultiWriter(compressor, plain.Hash()))
	for _, e := range l.entries {
		header := &tar.Header{Name: e.path, Mode: e.mode, ModTime: e.ModTime, Typeflag: tar.TypeReg, Size: int64(len(e.Data))}
		if e.directory {
			header.Typeflag = tar.TypeDir
		}
		if err := w.WriteHeader(header); err != nil {
			return nil, "", err
		}
		if _, err := w.Write(e.Data); err != nil {
			return nil, "", err
		}
	}
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	if err := compressor.Close(); err != nil {
		return nil, "", err
	}
	return buffer.Bytes(), plain.Digest(), nil
}

// schema2 is a docker v2 schema 2 manifest, with its fields in the order in which docker's own library writes them.
type schema2 struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type descriptor struct {
	MediaType string        `json:"mediaType,omitempty"`
	Size      int64         `json:"size"`
	Digest    digest.Digest `json:"digest"`
}

// imageConfig is the config of an image with its fields in the order in which oc writes them; an empty id is among them.
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

// config makes the release image's config of its base's: what the base runs stays, the labels are those of a release and no others.
func (a *Assembly) config(layers []descriptor, diff digest.Digest) ([]byte, error) {
	var c imageConfig
	if err := json.Unmarshal(a.base.image.ConfigBlob, &c); err != nil {
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
	c.Config.Labels = map[string]string{labelRelease: a.Name, labelBaseDigest: a.base.digest.String()}
	c.Created = a.Created.UTC().Truncate(time.Second)
	c.History = []history{{Created: c.Created, Comment: "Release image for OpenShift"}}
	for len(c.History) < len(layers) {
		c.History = append(c.History, history{Created: c.Created})
	}
	c.RootFS = &rootFS{Type: "layers", DiffIDs: append(append([]digest.Digest{}, a.base.diffs...), diff)}
	c.Size = 0
	for _, layer := range layers {
		c.Size += layer.Size
	}
	return json.Marshal(c)
}

// Digest returns the digest that the manifest of the release image has, or will have once it is pushed.
func (a *Assembly) Digest() (digest.Digest, error) {
	if a.Method == Copy {
		return a.old.Digest, nil
	}
	image, err := a.build()
	if err != nil {
		return "", err
	}
	return digest.FromBytes(image.manifest), nil
}
