package playground

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	imagev1 "github.com/openshift/api/image/v1"
)

// Image reads an image of the playground's registry, under the name that it has in pull specs.
func (p *Playground) Image(ctx context.Context, pullspec string) (v1.Image, error) {
	if !strings.HasPrefix(pullspec, p.Registry.Host+"/") {
		pullspec = p.Registry.Host + "/" + pullspec
	}
	ref, err := name.ParseReference(pullspec, name.Insecure)
	if err != nil {
		return nil, err
	}
	return remote.Image(ref, remote.WithContext(ctx))
}

// ReadFile returns a file of an image. The name has no leading slash. Layers are searched from the top.
func (p *Playground) ReadFile(ctx context.Context, pullspec, name string) ([]byte, error) {
	img, err := p.Image(ctx, pullspec)
	if err != nil {
		return nil, err
	}
	layers, err := img.Layers()
	if err != nil {
		return nil, err
	}
	for i := len(layers) - 1; i >= 0; i-- {
		files, err := layerFiles(layers[i], func(n string) bool { return n == name })
		if err != nil {
			return nil, err
		}
		if data, ok := files[name]; ok {
			return data, nil
		}
	}
	return nil, fmt.Errorf("%s in image %s: %w", name, pullspec, os.ErrNotExist)
}

// Release is what a release image says: the files of its release layer, and image-references decoded.
type Release struct {
	Files      map[string][]byte // without the leading "release-manifests/"
	References imagev1.ImageStream
}

// Release reads a release image.
func (p *Playground) Release(ctx context.Context, pullspec string) (Release, error) {
	img, err := p.Image(ctx, pullspec)
	if err != nil {
		return Release{}, err
	}
	layers, err := img.Layers()
	if err != nil {
		return Release{}, err
	}
	files, err := layerFiles(layers[len(layers)-1], func(string) bool { return true })
	if err != nil {
		return Release{}, err
	}
	r := Release{Files: map[string][]byte{}}
	for n, data := range files {
		r.Files[strings.TrimPrefix(n, "release-manifests/")] = data
	}
	return r, json.Unmarshal(r.Files["image-references"], &r.References)
}

// PullSpec returns the pull spec of a component, "" when the payload has none of that name.
func (r Release) PullSpec(component string) string {
	for _, tag := range r.References.Spec.Tags {
		if tag.Name == component {
			return tag.From.Name
		}
	}
	return ""
}

// Program copies a program out of an image, to be run on the host: those of the playground's components are static.
func (p *Playground) Program(ctx context.Context, pullspec, name, dir string) (string, error) {
	data, err := p.ReadFile(ctx, pullspec, name)
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, filepath.Base(name))
	if err := os.Remove(program); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return program, WriteProgram(program, data)
}

func layerFiles(layer v1.Layer, keep func(string) bool) (map[string][]byte, error) {
	r, err := layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	files := map[string][]byte{}
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg || !keep(header.Name) {
			continue
		}
		files[header.Name], err = io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
	}
}
