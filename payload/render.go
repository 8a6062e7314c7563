package payload

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	imagev1 "github.com/openshift/api/image/v1"
	"sigs.k8s.io/yaml"
)

// renderer turns the /manifests of operators into files of a release: image names and versions are substituted, and
// files that do not say where they come in the order of installation get a name that does.
type renderer struct {
	payload      *imagev1.ImageStream // with the tags as they will be
	release      string               // name of the release
	allowMissing bool                 // an operator may name tags that the payload lacks
	skipCheck    bool                 // manifests are not parsed
}

// render returns the files that an operator contributes, in the order of its own file names.
func (r renderer) render(tag string, operator contents) ([]File, error) {
	var names mapper
	versions := declared{}
	if file, ok := operator.file(fileReferences); ok {
		references, err := parseOperatorReferences(file.Data)
		if err == nil {
			names, err = newMapper(references, r.payload, r.allowMissing)
		}
		if err != nil {
			return nil, fmt.Errorf("operator %q contained an invalid image-references file: %w", tag, err)
		}
		use := func(name string) bool { return tagOf(references, name) != nil }
		if versions, err = declaredVersions(r.payload, use); err != nil {
			return nil, fmt.Errorf("operator %q: %w", tag, err)
		}
	}
	var files []File
	for _, file := range operator.manifests() {
		data, err := versions.substitute(names.apply(file.Data), r.release)
		if err == nil && !r.skipCheck {
			err = checkManifest(file.Name, data)
		}
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", tag, file.Name, err)
		}
		files = append(files, File{Name: releaseFile(tag, file.Name), Data: data, ModTime: file.ModTime})
	}
	return files, nil
}

// releaseFile is the name that a file of an operator gets in a release.
func releaseFile(tag, file string) string {
	if strings.HasPrefix(file, "0000_") {
		return file
	}
	return "0000_50_" + tag + "_" + file
}

// unique gives files of different operators that came to the same name different ones: x.yaml, x_2.yaml, x_3.yaml.
func unique(files []File) []File {
	count := map[string]int{}
	files = slices.Clone(files)
	for i, file := range files {
		count[file.Name]++
		if n := count[file.Name]; n > 1 {
			extension := path.Ext(file.Name)
			files[i].Name = fmt.Sprintf("%s_%d%s", strings.TrimSuffix(file.Name, extension), n, extension)
		}
	}
	return files
}

// checkManifest refuses a manifest that the cluster version operator could not read.
func checkManifest(name string, data []byte) error {
	if !isManifest(name) {
		return nil
	}
	var object struct {
		Kind       string `json:"kind"`
		APIVersion string `json:"apiVersion"`
	}
	if err := yaml.Unmarshal(data, &object); err != nil {
		return err
	}
	if object.Kind == "" || object.APIVersion == "" {
		return errors.New("want an object with kind and apiVersion")
	}
	return nil
}

// isManifest tells by the name of a file whether the cluster version operator applies it.
func isManifest(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return name != fileReferences && name != fileMetadata
	}
	return false
}
