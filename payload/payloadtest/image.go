package payloadtest

import (
	"archive/tar"
	"bytes"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image describes an image: its layers from the base up, each a map of paths to contents.
type Image struct {
	Layers  []map[string]string
	Labels  map[string]string
	Created time.Time
}

// Build makes the image, for linux/amd64.
func (i Image) Build(t testing.TB) v1.Image {
	t.Helper()
	image := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.DockerConfigJSON), types.DockerManifestSchema2)
	var layers []v1.Layer
	for _, files := range i.Layers {
		layers = append(layers, tarLayer(t, tarOf(t, files, i.Created)))
	}
	return configure(t, appendLayers(t, image, layers...), i.Labels, i.Created)
}

func appendLayers(t testing.TB, image v1.Image, layers ...v1.Layer) v1.Image {
	t.Helper()
	image, err := mutate.AppendLayers(image, layers...)
	check(t, err)
	return image
}

// configure gives an image its labels, its time and its platform.
func configure(t testing.TB, image v1.Image, labels map[string]string, created time.Time) v1.Image {
	t.Helper()
	config, err := image.ConfigFile()
	check(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", "amd64", v1.Time{Time: created}
	config.Config.Labels = labels
	config.Config.Entrypoint = []string{"/usr/bin/entry"}
	image, err = mutate.ConfigFile(image, config)
	check(t, err)
	return image
}

// tarLayer makes a layer of a tar, which is compressed.
func tarLayer(t testing.TB, plain []byte) v1.Layer {
	t.Helper()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(plain)), nil },
		tarball.WithMediaType(types.DockerLayer))
	check(t, err)
	return layer
}

// tarOf writes files into a tar, sorted by path, with their directories.
func tarOf(t testing.TB, files map[string]string, at time.Time) []byte {
	t.Helper()
	var headers []tar.Header
	directories := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for d := path.Dir(name); d != "." && !directories[d]; d = path.Dir(d) {
			directories[d] = true
			headers = append(headers, tar.Header{Name: d + "/", Mode: 0o755, Typeflag: tar.TypeDir, ModTime: at})
		}
		headers = append(headers, tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg, ModTime: at,
			Size: int64(len(files[name]))})
	}
	slices.SortStableFunc(headers, func(a, b tar.Header) int { return strings.Compare(a.Name, b.Name) })
	return Tar(t, headers, files)
}

// Tar writes entries in their order; files have the content for their name.
func Tar(t testing.TB, headers []tar.Header, files map[string]string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, header := range headers {
		check(t, w.WriteHeader(&header))
		if header.Typeflag == tar.TypeReg {
			_, err := io.WriteString(w, files[header.Name])
			check(t, err)
		}
	}
	check(t, w.Close())
	return buffer.Bytes()
}

// Push writes an image under repository:tag of the registry and returns its pull spec with the digest.
func (r *Registry) Push(t testing.TB, repository, tag string, image v1.Image) string {
	t.Helper()
	ref, err := name.NewTag(r.Host+"/"+repository+":"+tag, name.Insecure)
	check(t, err)
	check(t, remote.Write(ref, image))
	digest, err := image.Digest()
	check(t, err)
	return r.Host + "/" + repository + "@" + digest.String()
}

// PushIndex writes a manifest list of images under repository:tag, each for its platform "os/arch", and returns its
// pull spec with the digest.
func (r *Registry) PushIndex(t testing.TB, repository, tag string, images map[string]v1.Image) string {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.DockerManifestList)
	for _, platform := range slices.Sorted(maps.Keys(images)) {
		p, err := v1.ParsePlatform(platform)
		check(t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: images[platform],
			Descriptor: v1.Descriptor{Platform: p}})
	}
	ref, err := name.NewTag(r.Host+"/"+repository+":"+tag, name.Insecure)
	check(t, err)
	check(t, remote.WriteIndex(ref, index))
	digest, err := index.Digest()
	check(t, err)
	return r.Host + "/" + repository + "@" + digest.String()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Pull reads an image back by its pull spec.
func (r *Registry) Pull(t testing.TB, spec string) v1.Image {
	t.Helper()
	ref, err := name.ParseReference(spec, name.Insecure)
	check(t, err)
	image, err := remote.Image(ref)
	check(t, err)
	return image
}

// ForArch returns an image with another architecture in its config.
func ForArch(t testing.TB, image v1.Image, arch string) v1.Image {
	t.Helper()
	config, err := image.ConfigFile()
	check(t, err)
	config = config.DeepCopy()
	config.Architecture = arch
	image, err = mutate.ConfigFile(image, config)
	check(t, err)
	return image
}

// Layered makes an image with one layer of a given tar.
func Layered(t testing.TB, plain []byte) v1.Image {
	t.Helper()
	return dockerImage(t, tarLayer(t, plain))
}

// Compressed makes an image with one layer that is stored as given, whatever it is.
func Compressed(t testing.TB, stored []byte) v1.Image {
	t.Helper()
	return dockerImage(t, static.NewLayer(stored, types.DockerLayer))
}

func dockerImage(t testing.TB, layer v1.Layer) v1.Image {
	t.Helper()
	image := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.DockerConfigJSON), types.DockerManifestSchema2)
	return configure(t, appendLayers(t, image, layer), nil, time.Unix(0, 0).UTC())
}
