package playground

import (
	"archive/tar"
	"crypto/sha256"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// created is when everything in the playground was made, so that it is the same in every playground.
func created() time.Time { return time.Date(2024, 9, 2, 10, 15, 23, 0, time.UTC) }

// scratch is an image without layers, in the format that CI builds: docker schema 2.
func scratch() v1.Image {
	return mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.DockerManifestSchema2), types.DockerConfigJSON)
}

// image puts one layer with the files on a base and lets change edit the configuration.
func (s store) image(base v1.Image, files []file, change func(*v1.ConfigFile)) (v1.Image, error) {
	layer, err := s.layer(func(w *tar.Writer) error { return writeFiles(w, files) })
	if err != nil {
		return nil, err
	}
	return derive(base, layer, change)
}

// derive puts a layer on a base and lets change edit the configuration.
func derive(base v1.Image, layer v1.Layer, change func(*v1.ConfigFile)) (v1.Image, error) {
	img, err := mutate.Append(base, mutate.Addendum{Layer: layer, MediaType: types.DockerLayer, History: v1.History{
		Created: v1.Time{Time: created()}, CreatedBy: "/bin/sh -c #(nop) ADD playground",
	}})
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", architecture(), v1.Time{Time: created()}
	change(config)
	return mutate.ConfigFile(img, config)
}

// writeFiles writes files in the order of their names, each directory once and before what is in it.
func writeFiles(w *tar.Writer, files []file) error {
	files = slices.SortedFunc(slices.Values(files), func(a, b file) int { return strings.Compare(a.Name, b.Name) })
	made := map[string]bool{".": true}
	for _, f := range files {
		if err := writeDirs(w, made, path.Dir(f.Name)); err != nil {
			return err
		}
		if err := writeData(w, f); err != nil {
			return err
		}
	}
	return nil
}

// stubFiles are the files of a component that has no repository here: something of its own in place of a program.
func (c component) stubFiles() []file {
	var program []byte
	for seed := sha256.Sum256([]byte(c.Name)); len(program) < 4096; seed = sha256.Sum256(seed[:]) {
		program = append(program, seed[:]...)
	}
	files := []file{{Name: "usr/bin/" + c.Name, Data: program, Mode: 0o755}}
	if c.operator() {
		for _, f := range c.manifests() {
			files = append(files, file{Name: "manifests/" + f.Name, Data: f.Data})
		}
	}
	return files
}

// labels are those that CI gives an image, as far as a payload is made from them.
func (c component) labels() map[string]string {
	labels := map[string]string{"io.k8s.display-name": c.Name}
	if c.Repository != "" {
		url := "https://github.com/" + c.Repository
		for key, value := range map[string]string{
			"io.openshift.build.commit.id":       c.Commit,
			"io.openshift.build.commit.ref":      c.Ref,
			"io.openshift.build.source-location": url,
			"vcs-ref":                            c.Commit,
			"vcs-type":                           "git",
			"vcs-url":                            url,
		} {
			labels[key] = value
		}
	}
	if c.Versions != "" {
		labels["io.openshift.build.versions"] = c.Versions
		labels["io.openshift.build.version-display-names"] = c.Titles
	}
	if c.operator() {
		labels["io.openshift.release.operator"] = "true"
	}
	return labels
}

// member makes the image of one component on base.
func (s store) member(c component, base v1.Image, files []file) (member, stored, error) {
	img, err := s.image(base, files, func(config *v1.ConfigFile) {
		config.Config.Entrypoint = []string{"/usr/bin/" + c.Name}
		config.Config.Labels = c.labels()
	})
	if err != nil {
		return member{}, stored{}, err
	}
	image, err := s.put(img)
	if err != nil {
		return member{}, stored{}, err
	}
	m := member{component: c, image: img, digest: image.Digest}
	for _, file := range files {
		if name, ok := strings.CutPrefix(file.Name, "manifests/"); ok {
			file.Name = name
			m.manifests = append(m.manifests, file)
		}
	}
	return m, image, nil
}
