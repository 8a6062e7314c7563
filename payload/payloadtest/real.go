package payloadtest

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// Real is a release as it was published: the files of its release layer.
type Real struct {
	Files map[string]string // by name; image-references and release-metadata are among them
	Specs map[string]string // component → pull spec in the real registry
}

// ReadReal reads the release-manifests of a real release from a directory.
func ReadReal(t testing.TB, directory string) Real {
	t.Helper()
	entries, err := os.ReadDir(directory)
	check(t, err)
	real := Real{Files: map[string]string{}, Specs: map[string]string{}}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(directory, entry.Name()))
		check(t, err)
		real.Files[entry.Name()] = string(data)
	}
	for _, tag := range real.stream(t).Spec.Tags {
		real.Specs[tag.Name] = tag.From.Name
	}
	return real
}

type realStream struct {
	Metadata struct {
		Name              string            `json:"name"`
		CreationTimestamp time.Time         `json:"creationTimestamp"`
		Annotations       map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Tags []struct {
			Name        string            `json:"name"`
			Annotations map[string]string `json:"annotations"`
			From        struct {
				Name string `json:"name"`
			} `json:"from"`
		} `json:"tags"`
	} `json:"spec"`
}

func (real Real) stream(t testing.TB) (stream realStream) {
	t.Helper()
	check(t, json.Unmarshal([]byte(real.Files["image-references"]), &stream))
	return stream
}

// Release turns the real release into one that can be seeded: each manifest goes back to an operator that may have
// brought it, with placeholders for the images and the version that it names. Which operator is a guess by the file's
// name, since a payload does not say. The installer gets an image-references that names the images which no manifest
// does, as it has in real life.
func (real Real) Release(t testing.TB) Release {
	t.Helper()
	stream := real.stream(t)
	release := Release{Name: stream.Metadata.Name, Created: stream.Metadata.CreationTimestamp,
		Annotations: stream.Metadata.Annotations,
		Metadata:    real.Files["release-metadata"]}
	manifests := map[string]map[string]string{}
	named := map[string]bool{}
	for name, content := range real.Files {
		if name == "image-references" || name == "release-metadata" {
			continue
		}
		for tag, spec := range real.Specs {
			if strings.Contains(content, spec) {
				named[tag] = true
				content = strings.ReplaceAll(content, spec, Placeholder(tag))
			}
		}
		owner := real.owner(name)
		if manifests[owner] == nil {
			manifests[owner] = map[string]string{}
		}
		manifests[owner][name] = snapshot(content, release.Name)
	}
	for _, tag := range stream.Spec.Tags {
		c := Component{Name: tag.Name, Labels: tag.Annotations, Manifests: manifests[tag.Name]}
		if c.Name == "installer" {
			c.Names = slices.Sorted(maps.Keys(real.Specs))
			c.Names = slices.DeleteFunc(c.Names, func(tag string) bool { return named[tag] })
		}
		release.Components = append(release.Components, c)
	}
	return release
}

// snapshot puts the placeholder for the version where the substitution, which needs anything but a letter before it,
// will find it.
func snapshot(content, version string) string {
	pattern := regexp.MustCompile(`(\W|^)` + regexp.QuoteMeta(version) + `([^a-z0-9\-]|$)`)
	return pattern.ReplaceAllString(content, "${1}"+Snapshot+"${2}")
}

// owner guesses the operator that brought a file.
func (real Real) owner(file string) string {
	stem := regexp.MustCompile(`^0000_[0-9]+[_-]`).ReplaceAllString(file, "")
	best := "cluster-config-operator"
	longest := 0
	for tag := range real.Specs {
		for _, name := range []string{tag, strings.TrimPrefix(tag, "cluster-")} {
			if strings.HasPrefix(stem, name) && len(name) > longest {
				best, longest = tag, len(name)
			}
		}
	}
	return best
}

// Original writes the real registry's pull specs into a file of a seeded release.
func (real Real) Original(seeded Seeded, content string) string {
	for name, spec := range seeded.Images {
		content = strings.ReplaceAll(content, spec, real.Specs[name])
	}
	return content
}
