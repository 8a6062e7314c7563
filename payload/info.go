package payload

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	imagev1 "github.com/openshift/api/image/v1"
	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
)

// Info is a release as oc adm release info -o json prints it, with the same names; what is not oc's says so.
type Info struct {
	Image           string                `json:"image"`    // as it was named
	PullSpec        string                `json:"pullspec"` // repository@digest; not oc's
	Digest          digest.Digest         `json:"digest"`   // of the image itself
	ContentDigest   digest.Digest         `json:"contentDigest"`
	ListDigest      digest.Digest         `json:"listDigest"` // "" where it is not of a list
	Config          map[string]any        `json:"config"`
	Metadata        Metadata              `json:"metadata"`
	References      *imagev1.ImageStream  `json:"references"`
	Versions        map[string]string     `json:"versions"` // no longer used by oc: null
	DisplayVersions map[string]Version    `json:"displayVersions"`
	VersionsTags    map[string]string     `json:"versionsTags"` // version → the tag that declares it
	Images          map[string]*ImageInfo `json:"images"`       // null unless they were asked for
	Warnings        []string              `json:"warnings"`
}

// ImageInfo is one image of a release.
type ImageInfo struct {
	Name          string         `json:"component"` // not oc's
	PullSpec      string         `json:"name"`
	Digest        digest.Digest  `json:"digest"`
	ContentDigest digest.Digest  `json:"contentDigest"`
	ListDigest    digest.Digest  `json:"listDigest"`
	MediaType     string         `json:"mediaType"`
	Layers        []LayerInfo    `json:"layers"`
	Config        map[string]any `json:"config"`

	Image *registry.Image `json:"-"`
}

// LayerInfo is one layer of an image.
type LayerInfo struct {
	MediaType string        `json:"mediaType"`
	Size      int64         `json:"size"` // bytes, compressed
	Digest    digest.Digest `json:"digest"`
}

// Info describes the release. Its images are not read.
func (r *Release) Info() Info {
	i := Info{Image: r.Reference, PullSpec: r.PullSpec, Digest: r.Digest, ContentDigest: r.Digest,
		ListDigest: r.ListDigest,
		Config:     describeConfig(r.Image),
		Metadata:   r.Metadata, References: r.References, Warnings: slices.Clone(r.Warnings)}
	var warnings []string
	i.DisplayVersions, i.VersionsTags, warnings = r.Versions()
	i.Warnings = append(i.Warnings, warnings...)
	return i
}

// describeConfig returns an image's config with the fields that oc's reader of it always has.
func describeConfig(image *registry.Image) map[string]any {
	config := map[string]any{}
	_ = json.Unmarshal(image.ConfigBlob, &config) // it was read when the image was opened
	var size int64
	for _, layer := range image.Layers {
		size += layer.Size
	}
	for name, value := range map[string]any{"id": "", "container_config": map[string]any{}, "size": size} {
		if _, ok := config[name]; !ok {
			config[name] = value
		}
	}
	return config
}

// Versions collects the component versions of the release: of all tags, and of the release as a whole. Where tags
// disagree, which only machine-os may, the one that sorts first is taken and a warning says so.
func (r *Release) Versions() (versions map[string]Version, tags map[string]string, warnings []string) {
	versions, tags = map[string]Version{}, map[string]string{}
	all := map[string]map[string]bool{}
	add := func(source, list, names string) {
		parsed, err := parseVersions(list, names)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("The versions of %s are not used: %s.", source, err))
			return
		}
		for _, key := range slices.Sorted(maps.Keys(parsed)) {
			version := parsed[key]
			if have, ok := versions[key]; !ok || version.Version < have.Version {
				version.DisplayName = cmp.Or(version.DisplayName, have.DisplayName)
				versions[key] = version
			}
			if all[key] == nil {
				all[key] = map[string]bool{}
			}
			all[key][version.Version] = true
			tags[key] = source
		}
	}
	for _, tag := range r.References.Spec.Tags {
		if tag.Annotations[annotationVersions] != "" {
			add(tag.Name, tag.Annotations[annotationVersions], tag.Annotations[annotationDisplayNames])
		}
	}
	if list := r.References.Annotations[annotationVersions]; list != "" {
		declared := maps.Clone(versions)
		add("the release", list, r.References.Annotations[annotationDisplayNames])
		maps.Copy(versions, declared) // what a component says counts
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if len(all[key]) > 1 && key != "machine-os" {
			warnings = append(warnings, fmt.Sprintf("Multiple versions are reported for %s: %s.", key,
				strings.Join(slices.Sorted(maps.Keys(all[key])), ", ")))
		}
	}
	return versions, tags, warnings
}

// Images reads manifest and config of every image of the release, jobs of them at once (0 = 32), and verifies their
// digests.
func (r *Release) Images(ctx context.Context, c *registry.Client, jobs int) (map[string]*ImageInfo, error) {
	components := r.Components()
	images := make([]*ImageInfo, len(components))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(max(0, jobs), 2*defaultJobs))
	for i, component := range components {
		group.Go(func() error {
			image, err := c.Image(ctx, component.Image)
			if err != nil {
				return fmt.Errorf("component %q: %w", component.Name, err)
			}
			images[i] = imageInfo(component, image)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := map[string]*ImageInfo{}
	for _, image := range images {
		all[image.Name] = image
	}
	return all, nil
}

func imageInfo(component Component, image *registry.Image) *ImageInfo {
	info := &ImageInfo{Name: component.Name, PullSpec: component.Image, Digest: image.TopDigest(),
		ContentDigest: image.Digest,
		ListDigest:    image.ListDigest, MediaType: image.MediaType, Config: describeConfig(image), Image: image}
	for _, layer := range image.Layers {
		info.Layers = append(info.Layers, LayerInfo{MediaType: layer.MediaType, Size: layer.Size, Digest: layer.Digest})
	}
	return info
}

// Platform says what the release image runs on: os/arch, and for a manifest list that it is one.
func (r *Release) Platform() string {
	platform := r.Image.Config.Platform
	platform.Variant = ""
	platform.OS, platform.Architecture = cmp.Or(platform.OS, "unknown"), cmp.Or(platform.Architecture, "unknown")
	if r.ListDigest != "" {
		return fmt.Sprintf("multi (%s)", platform)
	}
	return platform.String()
}

// ManifestCount returns how many files the cluster version operator applies, and how many others there are.
func (r *Release) ManifestCount() (manifests, others int) {
	for _, file := range r.Manifests() {
		if isManifest(file.Name) {
			manifests++
		} else {
			others++
		}
	}
	return manifests, others
}

// CommitURL returns where a browser shows the commit that the component was built from, on hosts whose addresses are
// known, and else the repository and the commit.
func (c Component) CommitURL() string {
	source := strings.TrimSuffix(strings.Replace(c.Source, "ssh://git@github.com/", "https://github.com/", 1), ".git")
	if strings.HasPrefix(source, "https://github.com/") && c.Commit != "" {
		return source + "/commit/" + c.Commit
	}
	return strings.TrimSpace(c.Source + " " + c.Commit)
}
