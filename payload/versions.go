package payload

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	imagev1 "github.com/openshift/api/image/v1"
	"go.podman.io/storage/pkg/regexp"
)

// Version is the version of something inside a payload, such as kubernetes or machine-os.
type Version struct {
	Version     string
	DisplayName string
}

// snapshot is what manifests are written with where a version goes.
const snapshot = "0.0.1-snapshot"

var (
	versionKey   = regexp.Delayed(`^[a-z0-9]+[\-a-z0-9]*[a-z0-9]+$`)
	versionText  = regexp.Delayed(`^[a-zA-Z0-9\-:\s().]+$`)
	versionToken = regexp.Delayed(`(\W|^)0\.0\.1-snapshot([a-z0-9\-]*)`)
)

// allowedVersions are the versions that a component image may declare.
func allowedVersions() []string {
	return []string{"kubernetes", "machine-os", "kernel", "crio", "kubectl", "kubernetes-tests"}
}

// parseVersions reads the value of io.openshift.build.versions, key=version[,key=version], and of
// io.openshift.build.version-display-names.
func parseVersions(versions, displayNames string) (map[string]Version, error) {
	parsed := map[string]Version{}
	for _, pair := range pairs(versions) {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || !versionKey.MatchString(key) {
			return nil, fmt.Errorf("component version %q: want key=version", pair)
		}
		if _, ok := parsed[key]; ok {
			return nil, fmt.Errorf("component version %q is there twice", key)
		}
		version, err := semver.StrictNewVersion(strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("component version %q: %w", pair, err)
		}
		parsed[key] = Version{Version: withoutBuild(version)}
	}
	for _, pair := range pairs(displayNames) {
		key, text, ok := strings.Cut(pair, "=")
		if !ok || !versionKey.MatchString(key) || !versionText.MatchString(text) {
			return nil, fmt.Errorf("display name %q: want key=text", pair)
		}
		if version, ok := parsed[key]; ok {
			version.DisplayName = text
			parsed[key] = version
		}
	}
	return parsed, nil
}

func pairs(list string) []string {
	var all []string
	for pair := range strings.SplitSeq(list, ",") {
		if pair = strings.TrimSpace(pair); pair != "" {
			all = append(all, pair)
		}
	}
	return all
}

// withoutBuild returns a version without its build metadata.
func withoutBuild(v *semver.Version) string {
	plain, _, _ := strings.Cut(v.String(), "+")
	return plain
}

// checkDeclared refuses a component image that declares versions of things it may not speak for.
func checkDeclared(tag string, labels map[string]string) error {
	versions, err := parseVersions(labels[annotationVersions], labels[annotationDisplayNames])
	if err != nil {
		return fmt.Errorf("tag %q: %w", tag, err)
	}
	for _, key := range slices.Sorted(maps.Keys(versions)) {
		if !slices.Contains(allowedVersions(), key) {
			return fmt.Errorf("tag %q references a component version %q which is not in the allowed list", tag, key)
		}
	}
	return nil
}

// declared is what an operator's manifests can ask for: versions, and by which tags each of them is declared.
type declared struct {
	versions map[string]Version
	tags     map[string][]string
}

// declaredVersions collects the versions that the payload's tags declare, of those tags that use allows; the
// payload's own annotation fills in what none declares. kubectl is taken from the tags that ship it only. Two values
// for one key are an error, but for machine-os.
func declaredVersions(payload *imagev1.ImageStream, use func(tag string) bool) (declared, error) {
	d := declared{map[string]Version{}, map[string][]string{}}
	for _, tag := range payload.Spec.Tags {
		if !use(tag.Name) || tag.Annotations[annotationVersions] == "" {
			continue
		}
		versions, err := parseVersions(tag.Annotations[annotationVersions], tag.Annotations[annotationDisplayNames])
		if err != nil {
			return declared{}, fmt.Errorf("tag %q: %w", tag.Name, err)
		}
		for _, key := range slices.Sorted(maps.Keys(versions)) {
			if key == "kubectl" && tag.Name != "cli" && tag.Name != "cli-artifacts" {
				continue
			}
			d.tags[key] = append(d.tags[key], tag.Name)
			if have, ok := d.versions[key]; !ok {
				d.versions[key] = versions[key]
			} else if have.Version != versions[key].Version && key != "machine-os" && key != "kubectl" {
				return declared{},
					fmt.Errorf("multiple versions or display names reported for %q: %s (from %s) and %s (from %s)", key,
						have.Version, d.tags[key][0], versions[key].Version, tag.Name)
			}
		}
	}
	defaults, err := parseVersions(payload.Annotations[annotationVersions], payload.Annotations[annotationDisplayNames])
	if err != nil {
		return declared{}, fmt.Errorf("annotation %s of the release: %w", annotationVersions, err)
	}
	for key, version := range defaults {
		if _, ok := d.versions[key]; !ok {
			d.versions[key] = version
		}
	}
	return d, nil
}

// substitute replaces 0.0.1-snapshot by the version of the release and 0.0.1-snapshot-KEY by the version of a
// component.
func (d declared) substitute(data []byte, release string) ([]byte, error) {
	if !bytes.Contains(data, []byte(snapshot)) {
		return data, nil
	}
	plain := ""
	if version, err := semver.StrictNewVersion(release); err == nil {
		plain = withoutBuild(version)
	}
	var unknown, problems []string
	out := replaceMatches(versionToken, data, func(match [][]byte) []byte {
		suffix := string(match[2])
		switch {
		case suffix == "" && plain != "":
			return slices.Concat(match[1], []byte(plain))
		case !strings.HasPrefix(suffix, "-"):
			return match[0]
		}
		key := suffix[1:]
		version, ok := d.versions[key]
		switch {
		case key == "":
			problems = append(problems, "empty version references are not allowed")
		case !ok:
			unknown = append(unknown, fmt.Sprintf("%q", key))
		case len(d.tags[key]) > 1:
			problems = append(problems,
				fmt.Sprintf("the version for %q is inconsistent across the referenced images: %s", key,
					strings.Join(d.tags[key], ", ")))
		default:
			return slices.Concat(match[1], []byte(version.Version))
		}
		return match[0]
	})
	switch len(unknown) {
	case 0:
	case 1:
		problems = append(problems, "unknown version reference "+unknown[0])
	default:
		problems = append(problems, "unknown version references "+strings.Join(unknown, ", "))
	}
	if len(problems) > 0 {
		return nil, errors.New(strings.Join(problems, "; "))
	}
	return out, nil
}
