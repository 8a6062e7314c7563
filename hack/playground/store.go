package playground

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// store is a directory of blobs, each a file sha256/HEX, that images are made in and a registry serves from.
type store struct{ dir string }

// stored names an image of a store.
type stored struct {
	Digest    string `json:"digest"`
	MediaType string `json:"mediaType"`
}

func newStore(dir string) (store, error) {
	return store{dir}, os.MkdirAll(filepath.Join(dir, "sha256"), 0o755)
}

// layer is a gzip-compressed layer that lies in a store. It implements v1.Layer without reading it again.
type layer struct {
	store          store
	digest, diffID v1.Hash
	size           int64
}

func (l layer) Digest() (v1.Hash, error)            { return l.digest, nil }
func (l layer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l layer) Size() (int64, error)                { return l.size, nil }
func (l layer) MediaType() (types.MediaType, error) { return types.DockerLayer, nil }
func (l layer) Compressed() (io.ReadCloser, error)  { return os.Open(l.store.path(l.digest.String())) }
func (l layer) Uncompressed() (io.ReadCloser, error) {
	f, err := l.Compressed()
	if err != nil {
		return nil, err
	}
	return gzip.NewReader(f)
}

func (s store) path(digest string) string {
	return filepath.Join(s.dir, "sha256", filepath.Base(digest[len("sha256:"):]))
}

// layer makes a layer of what write puts into the archive.
func (s store) layer(write func(*tar.Writer) error) (v1.Layer, error) {
	f, err := os.CreateTemp(s.dir, "layer-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	compressed, plain := sha256.New(), sha256.New()
	zip, err := gzip.NewWriterLevel(io.MultiWriter(f, compressed), gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(io.MultiWriter(zip, plain))
	if err := write(archive); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	l := layer{store: s, digest: sum(compressed), diffID: sum(plain), size: info.Size()}
	return l, os.Rename(f.Name(), s.path(l.digest.String()))
}

func sum(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

// put adds the configuration and the manifest of an image, whose layers lie in a store already.
func (s store) put(img v1.Image) (stored, error) {
	config, err := img.RawConfigFile()
	if err != nil {
		return stored{}, fmt.Errorf("making the configuration of an image: %w", err)
	}
	manifest, err := img.RawManifest()
	if err != nil {
		return stored{}, fmt.Errorf("making the manifest of an image: %w", err)
	}
	if _, err := s.blob(config); err != nil {
		return stored{}, err
	}
	digest, err := s.blob(manifest)
	return stored{Digest: digest, MediaType: string(types.DockerManifestSchema2)}, err
}

func (s store) blob(data []byte) (digest string, err error) {
	h := sha256.Sum256(data)
	digest = "sha256:" + hex.EncodeToString(h[:])
	return digest, os.WriteFile(s.path(digest), data, 0o644)
}
