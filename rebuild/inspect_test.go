package rebuild_test

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// uploads reports whether a request, "METHOD path", begins to send a blob.
func uploads(request string) bool {
	return strings.HasPrefix(request, "POST ") && strings.Contains(request, "/blobs/uploads")
}

// pullLayers returns the layers of an image above those of the playground's bases, and its config.
func (p *playground) pullLayers(t *testing.T, pullSpec string) v1.Image {
	t.Helper()
	ref, err := name.ParseReference(pullSpec, name.Insecure)
	check(t, err)
	image, err := remote.Image(ref)
	check(t, err)
	return image
}

// addFiles adds what an image holds: each file of its layers, and its config.
func (p *playground) addFiles(t *testing.T, places map[string]string, prefix string, image v1.Image) {
	t.Helper()
	config, err := image.RawConfigFile()
	check(t, err)
	places[prefix+" config"] = string(config)
	layers, err := image.Layers()
	check(t, err)
	for _, layer := range layers[1:] {
		stream, err := layer.Uncompressed()
		check(t, err)
		defer stream.Close()
		for files := tar.NewReader(stream); ; {
			header, err := files.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			check(t, err)
			data, err := io.ReadAll(files)
			check(t, err)
			places[prefix+" "+header.Name] = string(data)
		}
	}
}

// addTree adds the regular files below a directory.
func addTree(t *testing.T, places map[string]string, root string) {
	t.Helper()
	check(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		places[path] = string(data)
		return err
	}))
}

// excerpt returns the surroundings of a text.
func excerpt(content, text string) string {
	at := max(strings.Index(content, text), 0)
	return content[max(at-100, 0):min(at+100, len(content))]
}
