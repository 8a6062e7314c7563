package payloadtest

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Placeholder is what the manifests of seeded operators name the image of a tag by.
func Placeholder(tag string) string { return "placeholder.example.org/ns:" + tag }

// Snapshot is what the manifests of seeded operators name the version of the release by.
const Snapshot = "0.0.1-snapshot"

// Component describes a component of a seeded release.
type Component struct {
	Name      string
	Labels    map[string]string // besides io.openshift.release.operator
	Manifests map[string]string // files of /manifests; an operator has some
	Names     []string          // tags that its image-references names; those of its placeholders if nil
	Pushed    string            // pull spec of an image that is there already; "" = Seed makes one
}

// Release describes a release.
type Release struct {
	Name        string
	Created     time.Time
	Components  []Component       // cluster-version-operator among them
	Metadata    string            // release-metadata; "" = none of interest
	Versions    map[string]string // what 0.0.1-snapshot-KEY stands for
	Annotations map[string]string
}

// Seeded is a release in a registry.
type Seeded struct {
	PullSpec string            // repository@digest of the release image
	Tagged   string            // repository:tag of it
	Images   map[string]string // component → repository@digest
	Files    map[string]string // the files of the release layer
}

const (
	componentRepository = "test/component"
	releaseRepository   = "test/release"
)

// Image returns the image of a component as Seed builds it: a layer that all share, one of its own, and one with
// /manifests.
func (c Component) Image(created time.Time) Image {
	image := Image{Created: created, Labels: maps.Clone(c.Labels), Layers: []map[string]string{
		{"etc/os-release": "ID=test\n"}, {"usr/bin/" + c.Name: "binary of " + c.Name},
	}}
	if c.Manifests == nil {
		return image
	}
	if image.Labels == nil {
		image.Labels = map[string]string{}
	}
	image.Labels["io.openshift.release.operator"] = "true"
	files := map[string]string{"manifests/image-references": c.references()}
	for name, content := range c.Manifests {
		files["manifests/"+name] = content
	}
	image.Layers = append(image.Layers, files)
	return image
}

// references is the operator's own image-references.
func (c Component) references() string {
	names := c.Names
	if names == nil {
		found := map[string]bool{}
		for _, content := range c.Manifests {
			for _, rest := range strings.Split(content, Placeholder(""))[1:] {
				found[strings.FieldsFunc(rest,
					func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') })[0]] = true
			}
		}
		names = slices.Sorted(maps.Keys(found))
	}
	var tags []map[string]any
	for _, tag := range names {
		tags = append(tags, map[string]any{"name": tag,
			"from": map[string]string{"kind": "DockerImage", "name": Placeholder(tag)}})
	}
	return encode(map[string]any{"kind": "ImageStream", "apiVersion": "image.openshift.io/v1",
		"spec": map[string]any{"tags": tags}})
}

// Seed pushes a release and its components, laid out as oc lays it out.
func (r *Registry) Seed(t testing.TB, release Release) Seeded {
	t.Helper()
	s := Seeded{Images: map[string]string{}, Files: map[string]string{}}
	images := make([]v1.Image, len(release.Components))
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i, c := range release.Components {
		if c.Pushed != "" {
			mu.Lock()
			s.Images[c.Name] = c.Pushed
			mu.Unlock()
			continue
		}
		wg.Go(func() {
			images[i] = c.Image(release.Created).Build(t)
			spec := r.Push(t, componentRepository, c.Name, images[i])
			mu.Lock()
			s.Images[c.Name] = spec
			mu.Unlock()
		})
	}
	wg.Wait()
	var order []string
	add := func(name, content string) {
		order = append(order, name)
		s.Files[name] = content
	}
	add("image-references", release.references(s.Images))
	metadata := release.Metadata
	if metadata == "" {
		metadata = fmt.Sprintf("{\n  \"kind\": \"cincinnati-metadata-v0\",\n  \"version\": %q,\n  \"previous\": []\n}",
			release.Name)
	}
	add("release-metadata", metadata)
	for _, c := range release.sorted() {
		for _, name := range slices.Sorted(maps.Keys(c.Manifests)) {
			target := name
			if !strings.HasPrefix(name, "0000_") {
				target = "0000_50_" + c.Name + "_" + name
			}
			add(target, s.render(release, c.Manifests[name]))
		}
	}
	base := slices.IndexFunc(release.Components, func(c Component) bool { return c.Name == "cluster-version-operator" })
	s.Tagged = r.Host + "/" + releaseRepository + ":" + release.Name
	s.PullSpec = r.pushRelease(t, release, images[base], order, s.Files)
	return s
}

// render gives a manifest the images and the version of the release.
func (s Seeded) render(release Release, content string) string {
	names := slices.Sorted(maps.Keys(s.Images))
	slices.Reverse(names) // a longer name before one that it begins with
	for _, name := range names {
		content = strings.ReplaceAll(content, Placeholder(name), s.Images[name])
	}
	for key, version := range release.Versions {
		content = strings.ReplaceAll(content, Snapshot+"-"+key, version)
	}
	return strings.ReplaceAll(content, Snapshot, release.Name)
}

func (r *Registry) pushRelease(t testing.TB, release Release, base v1.Image, order []string,
	files map[string]string) string {
	t.Helper()
	headers := []tar.Header{{Name: "release-manifests", Mode: 0o777, Typeflag: tar.TypeDir, ModTime: release.Created}}
	content := map[string]string{}
	for _, name := range order {
		content["release-manifests/"+name] = files[name]
		headers = append(headers, tar.Header{Name: "release-manifests/" + name, Mode: 0o444, Typeflag: tar.TypeReg,
			ModTime: release.Created, Size: int64(len(files[name]))})
	}
	digest, err := base.Digest()
	check(t, err)
	image := appendLayers(t, base, tarLayer(t, Tar(t, headers, content)))
	image = configure(t, image, map[string]string{"io.openshift.release": release.Name,
		"io.openshift.release.base-image-digest": digest.String()}, release.Created)
	return r.Push(t, releaseRepository, release.Name, image)
}

func (release Release) sorted() []Component {
	return slices.SortedFunc(slices.Values(release.Components),
		func(a, b Component) int { return strings.Compare(a.Name, b.Name) })
}

// references is image-references, with the keys in the order in which oc writes them.
func (release Release) references(images map[string]string) string {
	type tag struct {
		Name            string            `json:"name"`
		Annotations     map[string]string `json:"annotations"`
		From            map[string]string `json:"from"`
		Generation      *int              `json:"generation"`
		ImportPolicy    struct{}          `json:"importPolicy"`
		ReferencePolicy map[string]string `json:"referencePolicy"`
	}
	type metadata struct {
		Name              string            `json:"name"`
		CreationTimestamp time.Time         `json:"creationTimestamp"`
		Annotations       map[string]string `json:"annotations,omitempty"`
	}
	type spec struct {
		LookupPolicy map[string]bool `json:"lookupPolicy"`
		Tags         []tag           `json:"tags"`
	}
	var tags []tag
	for _, c := range release.sorted() {
		annotations := map[string]string{}
		for _, key := range []string{"io.openshift.build.commit.id", "io.openshift.build.commit.ref",
			"io.openshift.build.source-location"} {
			annotations[key] = c.Labels[key]
		}
		if versions := c.Labels["io.openshift.build.versions"]; versions != "" {
			annotations["io.openshift.build.versions"] = versions
			annotations["io.openshift.build.version-display-names"] = c.Labels["io.openshift.build.version-display-names"]
		}
		tags = append(tags, tag{Name: c.Name, Annotations: annotations,
			From:            map[string]string{"kind": "DockerImage", "name": images[c.Name]},
			ReferencePolicy: map[string]string{"type": ""}})
	}
	return encode(struct {
		Kind       string            `json:"kind"`
		APIVersion string            `json:"apiVersion"`
		Metadata   metadata          `json:"metadata"`
		Spec       spec              `json:"spec"`
		Status     map[string]string `json:"status"`
	}{"ImageStream", "image.openshift.io/v1", metadata{release.Name, release.Created, release.Annotations},
		spec{map[string]bool{"local": false}, tags}, map[string]string{"dockerImageRepository": ""}})
}

func encode(v any) string {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // the values are maps and strings
	}
	return string(data)
}
