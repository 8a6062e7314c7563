package playground

import (
	"archive/tar"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	imagev1 "github.com/openshift/api/image/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// member is a component of a payload with what was made of it.
type member struct {
	component
	image     v1.Image
	digest    string
	manifests []file // names without the leading "manifests/"
}

// content is what a release image is made of.
type content struct {
	Members    []member
	Repository string               // of the component images
	References *imagev1.ImageStream // complete but for the pull specs
	Metadata   []byte               // release-metadata
}

// release makes the release image: the cluster-version-operator image and one more layer, in the shape that
// `oc adm release new` gives it.
func (s store) release(c content) (v1.Image, error) {
	slices.SortFunc(c.Members, func(a, b member) int { return strings.Compare(a.Name, b.Name) })
	files, err := c.files()
	if err != nil {
		return nil, err
	}
	layer, err := s.layer(func(w *tar.Writer) error { return writeRelease(w, files) })
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(c.Members, func(m member) bool { return m.Name == "cluster-version-operator" })
	if i < 0 {
		return nil, errors.New("the payload has no cluster-version-operator to be based on")
	}
	base := c.Members[i]
	return derive(base.image, layer, func(config *v1.ConfigFile) {
		config.Config.Labels = map[string]string{
			"io.openshift.release":                   c.References.Name,
			"io.openshift.release.base-image-digest": base.digest,
		}
		config.History = make([]v1.History, len(config.RootFS.DiffIDs))
		for i := range config.History {
			config.History[i].Created = v1.Time{Time: created()}
		}
		config.History[0].Comment = "Release image for OpenShift"
	})
}

func (c content) files() ([]file, error) {
	byName := map[string]member{}
	for _, m := range c.Members {
		byName[m.Name] = m
	}
	for i, tag := range c.References.Spec.Tags {
		c.References.Spec.Tags[i].From = &corev1.ObjectReference{Kind: "DockerImage",
			Name: c.Repository + "@" + byName[tag.Name].digest}
	}
	references, err := json.MarshalIndent(c.References, "", "  ")
	if err != nil {
		return nil, err
	}
	files := []file{{Name: "image-references", Data: references}, {Name: "release-metadata", Data: c.Metadata}}
	for _, m := range c.Members {
		mapped, err := c.mapManifests(m, byName)
		if err != nil {
			return nil, fmt.Errorf("manifests of %s: %w", m.Name, err)
		}
		files = append(files, mapped...)
	}
	return files, nil
}

func (f flavour) imageStream(members []member) *imagev1.ImageStream {
	stream := &imagev1.ImageStream{
		TypeMeta: metav1.TypeMeta{Kind: "ImageStream", APIVersion: "image.openshift.io/v1"},
		ObjectMeta: metav1.ObjectMeta{
			Name:              f.Version,
			CreationTimestamp: metav1.NewTime(created().Add(time.Minute)),
			Annotations:       map[string]string{"release.openshift.io/from-image-stream": f.Stream},
		},
	}
	for _, m := range members {
		tag := imagev1.TagReference{
			Name: m.Name,
			Annotations: map[string]string{
				"io.openshift.build.commit.id":       m.Commit,
				"io.openshift.build.commit.ref":      m.Ref,
				"io.openshift.build.source-location": m.labels()["io.openshift.build.source-location"],
			},
		}
		if m.Versions != "" {
			tag.Annotations["io.openshift.build.versions"] = m.Versions
			tag.Annotations["io.openshift.build.version-display-names"] = m.Titles
		}
		stream.Spec.Tags = append(stream.Spec.Tags, tag)
	}
	return stream
}

// releaseMetadata is the file of that name for a payload that nothing can be upgraded from.
func releaseMetadata(version string) []byte {
	return fmt.Appendf(nil,
		"{\n  \"kind\": \"cincinnati-metadata-v0\",\n  \"version\": %q,\n  \"previous\": []\n}", version)
}

// mapManifests gives the manifests of an operator the names and the pull specs that they have in the payload.
func (c content) mapManifests(m member, byName map[string]member) ([]file, error) {
	i := slices.IndexFunc(m.manifests, func(f file) bool { return f.Name == "image-references" })
	if i < 0 {
		return nil, nil
	}
	var references imagev1.ImageStream
	if err := yaml.Unmarshal(m.manifests[i].Data, &references); err != nil {
		return nil, err
	}
	targets, literals, versions := map[string]string{}, []string{}, map[string]string{"": c.References.Name}
	for _, tag := range references.Spec.Tags {
		other, ok := byName[tag.Name]
		if !ok {
			return nil, fmt.Errorf("no input image tag named %q", tag.Name)
		}
		targets[tag.From.Name] = c.Repository + "@" + other.digest
		literals = append(literals, regexp.QuoteMeta(tag.From.Name))
		if key, version, found := strings.Cut(other.Versions, "="); found {
			versions["-"+key] = version
		}
	}
	var mapped []file
	images := regexp.MustCompile(`(\W|^)(` + strings.Join(literals, "|") +
		`)(:\w[\w.-]{0,127}|@\w+:[[:xdigit:]]+)?([\s"']|$)`)
	for _, in := range m.manifests {
		if in.Name == "image-references" {
			continue
		}
		name := path.Base(in.Name)
		if !strings.HasPrefix(name, "0000_") {
			name = "0000_50_" + m.Name + "_" + name
		}
		data := images.ReplaceAllStringFunc(string(in.Data), func(match string) string {
			groups := images.FindStringSubmatch(match)
			return groups[1] + targets[groups[2]] + groups[4]
		})
		mapped = append(mapped, file{Name: name, Data: []byte(mapVersions(data, versions))})
	}
	slices.SortFunc(mapped, func(a, b file) int { return cmp.Compare(a.Name, b.Name) })
	return mapped, nil
}

func mapVersions(data string, versions map[string]string) string {
	snapshot := regexp.MustCompile(`0\.0\.1-snapshot([a-z0-9\-]*)`)
	return snapshot.ReplaceAllStringFunc(data, func(match string) string {
		return cmp.Or(versions[strings.TrimPrefix(match, "0.0.1-snapshot")], match)
	})
}

// writeRelease writes the release layer: the order, the modes and the missing slash are those of `oc adm release new`.
func writeRelease(w *tar.Writer, files []file) error {
	dir := &tar.Header{Typeflag: tar.TypeDir, Name: "release-manifests", Mode: 0o777, ModTime: created()}
	if err := w.WriteHeader(dir); err != nil {
		return err
	}
	for _, f := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: "release-manifests/" + f.Name, Mode: 0o444, Size: int64(len(f.Data)),
			ModTime: created(),
		}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := w.Write(f.Data); err != nil {
			return err
		}
	}
	return nil
}
