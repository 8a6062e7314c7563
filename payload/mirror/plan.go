package mirror

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/docker/reference"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// Item is one image to copy.
type Item struct {
	Component string `json:"component,omitempty"` // "" for the release image
	// repository@digest; the release image may be elsewhere, such as oci:DIRECTORY:TAG
	From   string        `json:"from"`
	Digest digest.Digest `json:"digest"` // of the manifest, or of the manifest list
	To     string        `json:"to"`     // repository:tag, of a registry or in a directory
}

// Request says what to copy where.
type Request struct {
	Release *payload.Release
	// Repository is where the components go. It may have a tag with ${component} and ${version} in it; otherwise tags
	// are VERSION-ARCHITECTURE-COMPONENT, and VERSION-ARCHITECTURE for the release image.
	Repository   string
	ReleaseImage string // where the release image goes instead; "" = into Repository
	SkipRelease  bool   // the release image is not copied
	KeepList     bool   // a release image that is a manifest list is copied with all its images
}

// Plan lists the images to copy, in the order of the components' names, the release image last: whoever finds it can
// find all of the release. Components that are manifest lists are always copied whole, since the release names them
// by the digest of the list.
func (r Request) Plan() ([]Item, error) {
	repository, template, err := splitTemplate(r.Repository)
	if err != nil {
		return nil, err
	}
	version := strings.ReplaceAll(r.Release.Metadata.Version, "+", "_")
	if version == "" {
		version = r.Release.Name
	}
	prefix := version + "-" + r.architecture()
	var items []Item
	for _, component := range r.Release.Components() {
		tag := prefix + "-" + component.Name
		if template != "" {
			tag = strings.NewReplacer("${component}", component.Name, "${version}", version).Replace(template)
		}
		_, sum := registry.SplitDigest(component.Image)
		items = append(items, Item{Component: component.Name, From: component.Image, Digest: sum,
			To: repository + ":" + tag})
	}
	if r.SkipRelease {
		return items, nil
	}
	to := r.ReleaseImage
	if to != "" {
		if to, err = releaseImage(to, prefix); err != nil {
			return nil, err
		}
	} else {
		tag := prefix
		if template != "" {
			tag = strings.NewReplacer("${component}", "release", "${version}", version).Replace(template)
		}
		to = repository + ":" + tag
	}
	from, sum := r.Release.PullSpec, r.Release.Image.TopDigest()
	if r.Release.ListDigest != "" && !r.KeepList {
		name, digested := registry.SplitDigest(from)
		if digested == "" {
			return nil, fault.New(fault.Usage, "Pass --keep-manifest-list.",
				fmt.Errorf("only a registry gives one image of the list %q", from))
		}
		sum = r.Release.Digest
		from = name + "@" + sum.String()
	}
	return append(items, Item{From: from, Digest: sum, To: to}), nil
}

// Components lists the images of components to copy into a repository, tagged PREFIX-COMPONENT. sources has the pull
// spec of each component.
func Components(repository, prefix string, sources map[string]string) ([]Item, error) {
	to, template, err := splitTemplate(repository)
	if err != nil {
		return nil, err
	}
	if template != "" {
		return nil, fault.Errorf(fault.Usage, "destination %q: name only the repository", repository)
	}
	var items []Item
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		_, sum := registry.SplitDigest(sources[name])
		items = append(items, Item{Component: name, From: sources[name], Digest: sum,
			To: to + ":" + strings.ReplaceAll(prefix, "+", "_") + "-" + name})
	}
	return items, nil
}

// architecture is how the tags of mirrored images name it: as the kernel does.
func (r Request) architecture() string {
	if r.KeepList && r.Release.ListDigest != "" {
		return "multi"
	}
	switch arch := r.Release.Image.Config.Architecture; arch {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	default:
		return arch
	}
}

// releaseImage completes a pull spec for the release image that has no tag.
func releaseImage(to, tag string) (string, error) {
	named, err := registry.ParseTarget(to)
	if err == nil && reference.IsNameOnly(named) {
		named, err = reference.WithTag(named, tag)
	}
	if err != nil {
		return "", fmt.Errorf("the release image: %w", err)
	}
	return named.String(), nil
}

// splitTemplate takes a destination apart into repository and tag template.
func splitTemplate(to string) (repository, template string, err error) {
	repository = to
	if i := strings.LastIndex(to, ":"); i > strings.LastIndex(to, "/") {
		repository, template = to[:i], to[i+1:]
	}
	if template != "" && !strings.Contains(template, "${component}") {
		return "", "", fault.New(fault.Usage, "Name only the repository, or a tag with ${component} in it.",
			fmt.Errorf("destination %q: one tag cannot name all images of a release", to))
	}
	if strings.Contains(repository, "${") {
		return "", "", fault.Errorf(fault.Usage,
			"destination %q: ${component} and ${version} may only be in the tag", to)
	}
	if err := registry.CheckRepository(repository); err != nil {
		return "", "", fmt.Errorf("destination %q: %w", to, err)
	}
	return repository, template, nil
}

// Sources lists pairs of a repository and where its images were copied to, without duplicates, sorted: what mirror
// rules are made of.
func Sources(items []Item) []Rule {
	var rules []Rule
	for _, item := range items {
		source, sum := registry.SplitDigest(item.From)
		if sum == "" || strings.HasPrefix(source, local) {
			continue // a directory does not record where the release image was
		}
		mirror := item.To[:strings.LastIndex(item.To, ":")]
		i := slices.IndexFunc(rules, func(r Rule) bool { return r.Source == source })
		if i < 0 {
			rules = append(rules, Rule{Source: source})
			i = len(rules) - 1
		}
		if !slices.Contains(rules[i].Mirrors, mirror) {
			rules[i].Mirrors = append(rules[i].Mirrors, mirror)
		}
	}
	for _, rule := range rules {
		slices.Sort(rule.Mirrors)
	}
	slices.SortFunc(rules, func(a, b Rule) int { return strings.Compare(a.Source, b.Source) })
	return rules
}
