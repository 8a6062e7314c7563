package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	gzipparallel "github.com/klauspost/pgzip"
	"github.com/opencontainers/go-digest"
	imagespec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/manifest"

	"github.com/oc-rebuild/oc-rebuild/internal/interrupt"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
)

// The compressions of layers.
const (
	Gzip = "gzip" // what CI uses
	Zstd = "zstd" // smaller and faster, in images with OCI manifests
)

// packer compresses layers into a directory of blobs.
type packer struct {
	blobs       string
	compression string // Gzip or Zstd; "" = Gzip
}

// layer writes a layer of local storage, compressed, into the directory under its digest.
func (p packer) layer(ctx context.Context, b *builder.Builder, layer builder.Layer) (packed Layer, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("compressing layer %s: %w", layer.DiffID, err)
		}
	}()
	stream, err := b.OpenLayer(layer)
	if err != nil {
		return Layer{}, err
	}
	defer stream.Close()
	file, err := os.CreateTemp(p.blobs, ".new-")
	if err != nil {
		return Layer{}, err
	}
	defer os.Remove(file.Name()) // gone already where the rename below succeeded
	defer file.Close()
	packed, err = p.pack(file, interrupt.Reader(ctx, stream))
	if err != nil {
		return Layer{}, err
	}
	if packed.DiffID != layer.DiffID {
		return Layer{}, fmt.Errorf("local storage returned %s", packed.DiffID)
	}
	if err := file.Close(); err != nil {
		return Layer{}, err
	}
	return packed, os.Rename(file.Name(), blobPath(p.blobs, packed.Digest))
}

// pack compresses a tar and describes the result. The same tar gives the same bytes on every machine: the size of
// blocks decides them, not the number of processors.
func (p packer) pack(w io.Writer, tar io.Reader) (Layer, error) {
	packed := Layer{Type: manifest.DockerV2Schema2LayerMediaType}
	compressed, plain := digest.Canonical.Digester(), digest.Canonical.Digester()
	size := new(counter)
	into := io.MultiWriter(w, compressed.Hash(), size)
	var squeeze io.WriteCloser
	var err error
	if p.compression == Zstd {
		packed.Type = imagespec.MediaTypeImageLayerZstd
		// two on every machine, in case the number decided something
		squeeze, err = zstd.NewWriter(into, zstd.WithEncoderConcurrency(2))
	} else {
		squeeze, err = gzipparallel.NewWriterLevel(into, gzip.DefaultCompression)
	}
	if err != nil {
		return Layer{}, err
	}
	_, err = io.Copy(io.MultiWriter(squeeze, plain.Hash()), tar)
	if err := errors.Join(err, squeeze.Close()); err != nil {
		return Layer{}, err
	}
	packed.Digest, packed.DiffID, packed.Size = compressed.Digest(), plain.Digest(), int64(*size)
	return packed, nil
}

// counter counts the bytes that are written to it.
type counter int64

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
