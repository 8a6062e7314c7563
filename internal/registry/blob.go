package registry

import (
	"context"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/pkg/blobinfocache/none"
	"go.podman.io/image/v5/pkg/compression"
	"go.podman.io/image/v5/types"
)

const (
	// MaxLayer is how much a layer of a component image may have uncompressed, in bytes. Operating system images have
	// about 4 GiB.
	MaxLayer = 16 << 30
	// maxWindow is how much a zstd stream may ask the decoder to keep, in bytes.
	maxWindow = 128 << 20
)

// Blob hands a blob of the image to read, as it is stored. The content is verified after read returns, to its end: what
// read was given is to be trusted only if Blob returns nil.
func (i *Image) Blob(ctx context.Context, info types.BlobInfo, read func(io.Reader) error) error {
	if err := info.Digest.Validate(); err != nil {
		return fmt.Errorf("blob %q: %w", info.Digest, err)
	}
	stream, size, err := i.source.GetBlob(ctx,
		types.BlobInfo{Digest: info.Digest, Size: info.Size, MediaType: info.MediaType}, none.NoCache)
	if err != nil {
		return fmt.Errorf("blob %s: %w", info.Digest, err)
	}
	defer stream.Close()
	if info.Size >= 0 && size > 0 && size != info.Size {
		return fmt.Errorf("blob %s has %d bytes where its manifest says %d: %w", info.Digest, size,
			info.Size, ErrTampered)
	}
	verified := &verifier{stream: stream, limit: info.Size, check: info.Digest.Verifier()}
	if err := read(verified); err != nil {
		return fmt.Errorf("blob %s: %w", info.Digest, err)
	}
	if _, err := io.Copy(io.Discard, verified); err != nil {
		return fmt.Errorf("blob %s: %w", info.Digest, err)
	}
	if !verified.check.Verified() {
		return fmt.Errorf("blob %s: %w", info.Digest, ErrTampered)
	}
	return nil
}

// Layer hands a layer of the image to read, uncompressed, and verifies it as Blob does. A layer with more than limit
// bytes is an error. Where the connection breaks, or the content is not what was asked for, the layer is read again
// from its beginning: read is then called once more, and must start afresh.
func (i *Image) Layer(ctx context.Context, info types.BlobInfo, limit int64, read func(io.Reader) error) error {
	err := i.client.retry(ctx, func() error {
		var failure error // counts where the content is what was asked for: of any other, it says nothing of use
		err := i.Blob(ctx, info, func(r io.Reader) error {
			failure = readPlain(r, limit, read)
			return nil
		})
		if err == nil && failure != nil {
			return fmt.Errorf("blob %s: %w", info.Digest, failure)
		}
		return err
	})
	return i.client.Explain(err, "reading a layer of", i.PullSpec())
}

// readPlain hands what a stream holds, uncompressed, to read, and reads the stream to its end.
func readPlain(stream io.Reader, limit int64, read func(io.Reader) error) error {
	plain, err := decompress(stream)
	if err != nil {
		return fmt.Errorf("uncompressing: %w", err)
	}
	defer plain.Close()
	bounded := &bounded{stream: plain, left: limit, limit: limit}
	if err := read(bounded); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, bounded)
	return err
}

// decompress finds out how a stream is compressed, if at all. zstd is decoded here, with a bound on the memory that a
// stream may ask for; and gzip, for which image/v5 sets 2 MiB aside where 50 KiB do: a payload has hundreds of layers.
func decompress(r io.Reader) (io.ReadCloser, error) {
	algorithm, open, stream, err := compression.DetectCompressionFormat(r)
	if err != nil {
		return nil, err
	}
	switch {
	case open == nil:
		return io.NopCloser(stream), nil
	case algorithm.BaseVariantName() == compression.Zstd.Name():
		decoder, err := zstd.NewReader(stream, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return decoder.IOReadCloser(), nil
	case algorithm.Name() == compression.Gzip.Name():
		return gzip.NewReader(stream)
	}
	return open(stream)
}

// verifier hashes what passes through it, and stops a stream that is longer than its descriptor says.
type verifier struct {
	stream io.Reader
	limit  int64 // bytes; -1 = unknown, of an image in local storage
	read   int64
	check  digest.Verifier
}

// Read implements io.Reader.
func (v *verifier) Read(p []byte) (int, error) {
	n, err := v.stream.Read(p)
	v.read += int64(n)
	if v.limit >= 0 && v.read > v.limit {
		return 0, fmt.Errorf("more than the %d bytes that its manifest says: %w", v.limit, ErrTampered)
	}
	if n > 0 {
		if _, err := v.check.Write(p[:n]); err != nil {
			return 0, err
		}
	}
	return n, err
}

// bounded fails when more than limit bytes come out of a decompressor.
type bounded struct {
	stream      io.Reader
	left, limit int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.stream.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return 0, fmt.Errorf("more than %d bytes uncompressed", b.limit)
	}
	return n, err
}
