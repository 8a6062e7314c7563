package payload

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	imagev1 "github.com/openshift/api/image/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// ReferenceMode says which pull specs of an image stream a release uses.
type ReferenceMode string

// The reference modes of an image stream.
const (
	Public ReferenceMode = "public" // those of the stream's public repository
	Source ReferenceMode = "source" // those that the tags were imported from
)

// FromNothing returns the beginning of a release that consists of changed components only.
func FromNothing() *Release {
	stream := &imagev1.ImageStream{TypeMeta: metav1.TypeMeta{Kind: "ImageStream", APIVersion: "image.openshift.io/v1"}}
	return &Release{Reference: "the given images", References: stream}
}

// FromStream returns the beginning of a release whose components an image stream names, in JSON or YAML: that of a
// cluster, with a status, or image-references of a release. Assemble then reads every image.
func FromStream(data []byte, mode ReferenceMode) (*Release, error) {
	if len(data) > maxReferences {
		return nil, fault.Errorf(fault.Unresolved, "the image stream has %d bytes, more than %d",
			len(data), maxReferences)
	}
	stream := &imagev1.ImageStream{}
	if err := yaml.Unmarshal(data, stream); err != nil {
		return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading the image stream: %w", err))
	}
	if stream.Kind != "ImageStream" {
		return nil, fault.Errorf(fault.Unresolved, "reading the image stream: its kind is %q", stream.Kind)
	}
	tags, err := streamTags(stream, mode)
	if err != nil {
		return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading the image stream %q: %w", stream.Name, err))
	}
	r := FromNothing()
	r.Reference = "image stream " + stream.Name
	r.References.Spec.Tags = tags
	if stream.Namespace != "" {
		setAnnotation(r.References, annotationFromStream, stream.Namespace+"/"+stream.Name)
	}
	return r, nil
}

// streamTags lists the components of an image stream: tags of its spec that name an image by digest, and what the
// status says of the others.
func streamTags(stream *imagev1.ImageStream, mode ReferenceMode) ([]imagev1.TagReference, error) {
	var tags []imagev1.TagReference
	add := func(name, spec string, generation *int64) error {
		spec, err := referTo(stream, mode, spec)
		if err == nil {
			tags = append(tags, imagev1.TagReference{Name: name, Generation: generation,
				From: &corev1.ObjectReference{Kind: "DockerImage", Name: spec}})
			err = checkTag(tags[len(tags)-1])
		}
		if err != nil {
			return fmt.Errorf("tag %q: %w", name, err)
		}
		return nil
	}
	seen := map[string]bool{}
	for _, tag := range stream.Spec.Tags {
		item := statusItem(stream, tag.Name)
		if tag.Generation != nil && item != nil && *tag.Generation > item.Generation {
			return nil, fmt.Errorf("the tag %q in the source input stream has not been imported yet", tag.Name)
		}
		var spec string
		switch {
		case isImage(tag) && strings.Contains(tag.From.Name, "@"):
			spec = tag.From.Name
		case item != nil:
			spec = specOf(stream, item)
		default:
			return nil, fmt.Errorf("the tag %q names no image by digest, and has not been imported", tag.Name)
		}
		seen[tag.Name] = true
		if err := add(tag.Name, spec, tag.Generation); err != nil {
			return nil, err
		}
	}
	for _, tag := range stream.Status.Tags {
		if item := statusItem(stream, tag.Tag); item != nil && !seen[tag.Tag] {
			if err := add(tag.Tag, specOf(stream, item), nil); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(tags, func(a, b imagev1.TagReference) int { return cmp.Compare(a.Name, b.Name) })
	return tags, nil
}

// statusItem is the newest image of a tag in the status of a stream, or nil.
func statusItem(stream *imagev1.ImageStream, name string) *imagev1.TagEvent {
	for _, tag := range stream.Status.Tags {
		if tag.Tag == name && len(tag.Items) > 0 {
			return &tag.Items[0]
		}
	}
	return nil
}

func specOf(stream *imagev1.ImageStream, item *imagev1.TagEvent) string {
	if strings.Contains(item.DockerImageReference, "@") {
		return item.DockerImageReference
	}
	return stream.Status.DockerImageRepository + "@" + item.Image
}

// referTo returns the pull spec by which a release names an image of a stream. Nobody outside the cluster can pull
// from its own registry, so images are named in the stream's public repository, or, in mode Source, where they were
// imported from if that was not the cluster.
func referTo(stream *imagev1.ImageStream, mode ReferenceMode, spec string) (string, error) {
	internal, public := stream.Status.DockerImageRepository, stream.Status.PublicDockerImageRepository
	isInternal := internal != "" && strings.HasPrefix(spec, internal)
	switch {
	case mode == Source && !isInternal, public == "" && internal == "":
		return spec, nil
	case public == "":
		return "", errors.New("only image streams or releases with public image repositories can be the source for releases when using the default --reference-mode")
	}
	_, sum := registry.SplitDigest(spec)
	if sum == "" {
		return "", fmt.Errorf("%q is not by digest", spec)
	}
	return public + "@" + sum.String(), nil
}

// FromDirectory returns the beginning of a release from extracted manifests: each directory is an operator of that
// name with its /manifests, and image-references beside them, if it is there, names the components. Assemble then
// reads no component images.
func FromDirectory(directory fs.FS) (*Release, error) {
	r := FromNothing()
	r.Reference = "a directory"
	r.local = map[string]contents{}
	if data, err := fs.ReadFile(directory, fileReferences); err == nil {
		stream, err := parseReferences(data)
		if err != nil {
			return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading image-references: %w", err))
		}
		r.References, r.Name, r.Created = stream, stream.Name, stream.CreationTimestamp.Time
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading image-references: %w", err)
	}
	entries, err := fs.ReadDir(directory, ".")
	if err != nil {
		return nil, fault.New(fault.Unresolved, "", fmt.Errorf("reading the directory: %w", err))
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		operator := contents{Labels: map[string]string{labelOperator: "true"}}
		if operator.Manifests, err = readDirectory(directory, entry.Name()); err != nil {
			return nil, fmt.Errorf("reading the manifests of %q: %w", entry.Name(), err)
		}
		r.local[entry.Name()] = operator
	}
	return r, nil
}

// readDirectory reads the plain files of a directory, sorted by name.
func readDirectory(directory fs.FS, name string) ([]File, error) {
	entries, err := fs.ReadDir(directory, name)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			continue
		}
		if info.Size() > maxReleaseFile || !isPlain(entry.Name()) {
			return nil, fmt.Errorf("%q has %d bytes, or a name that cannot be shown", entry.Name(), info.Size())
		}
		data, err := fs.ReadFile(directory, name+"/"+entry.Name())
		if err != nil {
			return nil, err
		}
		files = append(files, File{Name: entry.Name(), Data: data, ModTime: info.ModTime().UTC()})
	}
	return files, nil
}

// ParseMappings reads lines of NAME=PULLSPEC pairs, several on a line if there is white space between them; # begins
// a comment.
func ParseMappings(r io.Reader) ([]Change, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxMetadata))
	if err != nil {
		return nil, fmt.Errorf("reading mappings: %w", err)
	}
	var changes []Change
	for number, line := range strings.Split(string(data), "\n") {
		line, _, _ = strings.Cut(line, "#")
		for _, pair := range strings.Fields(line) {
			change, err := ParseMapping(pair)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", number+1, err)
			}
			changes = append(changes, change)
		}
	}
	return changes, nil
}

// ParseMapping reads NAME=PULLSPEC.
func ParseMapping(pair string) (Change, error) {
	name, spec, ok := strings.Cut(pair, "=")
	if !ok || !tagName.MatchString(name) {
		return Change{}, fault.Errorf(fault.Usage, "mapping %q: want NAME=PULLSPEC", pair)
	}
	if _, err := registry.ParsePullSpec(spec); err != nil {
		return Change{}, fmt.Errorf("mapping %q: %w", pair, err)
	}
	return Change{Component: name, Image: spec}, nil
}
