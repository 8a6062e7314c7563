package osimage

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.podman.io/storage/pkg/regexp"
)

// modifiedMark is what Version adds: a separator, the word and eight digits of a digest.
var modifiedMark = regexp.Delayed(`[.-]modified-[0-9a-f]{8}$`)

// plainVersion is a version that can be marked, and be an argument of a command.
var plainVersion = regexp.Delayed(`^[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}$`)

// Version returns what an image of some version is called after a change; digest names the change.
// 412.86.202301061548-0 becomes 412.86.202301061548-0.modified-1a2b3c4d: a later pre-release for who compares
// semantic versions, which payloads require, and a later one for rpm too. The mark of an earlier change is replaced.
func Version(version, digest string) string {
	version = modifiedMark.ReplaceAllString(version, "")
	if !plainVersion.MatchString(version) || len(digest) < 8 {
		return version
	}
	version, build, built := strings.Cut(version, "+")
	separator := "-"
	if strings.Contains(version, "-") {
		separator = "."
	}
	version += separator + "modified-" + digest[:8]
	if built {
		version += "+" + build
	}
	return version
}

// Labels returns the labels that differ from those of the base after a change: version,
// org.opencontainers.image.version, and machine-os in io.openshift.build.versions, each where the base has it. All
// others (ostree.commit, ostree.final-diffid, containers.bootc, io.openshift.metalayer …) still describe what the
// image is made of, and the build keeps them.
func Labels(base map[string]string, digest string) map[string]string {
	changed := map[string]string{}
	for _, name := range []string{labelVersion, labelOCI} {
		if version, ok := base[name]; ok {
			changed[name] = Version(version, digest)
		}
	}
	if versions, ok := base[labelVersions]; ok {
		pairs := strings.Split(versions, ",")
		for i, pair := range pairs {
			key, version, found := strings.Cut(pair, "=")
			if found && strings.TrimSpace(key) == "machine-os" {
				pairs[i] = key + "=" + Version(version, digest)
			}
		}
		changed[labelVersions] = strings.Join(pairs, ",")
	}
	return changed
}

// declaresVersion reports whether an image says which machine-os version it is.
func declaresVersion(labels map[string]string) bool {
	for pair := range strings.SplitSeq(labels[labelVersions], ",") {
		if key, _, found := strings.Cut(pair, "="); found && strings.TrimSpace(key) == "machine-os" {
			return true
		}
	}
	return false
}

// Relabel sets labels in an image's config. Everything else stays.
func Relabel(config []byte, labels map[string]string) ([]byte, error) {
	if len(labels) == 0 {
		return config, nil
	}
	var outer, inner map[string]json.RawMessage
	if err := json.Unmarshal(config, &outer); err != nil {
		return nil, fmt.Errorf("parsing the config of the new image: %w", err)
	}
	if err := json.Unmarshal(outer["config"], &inner); err != nil {
		return nil, fmt.Errorf("parsing the config of the new image: %w", err)
	}
	if inner == nil {
		inner = map[string]json.RawMessage{}
	}
	all := map[string]string{}
	if raw, ok := inner["Labels"]; ok {
		if err := json.Unmarshal(raw, &all); err != nil {
			return nil, fmt.Errorf("parsing the labels of the new image: %w", err)
		}
	}
	if all == nil {
		all = map[string]string{}
	}
	for name, value := range labels {
		all[name] = value
	}
	var err error
	if inner["Labels"], err = json.Marshal(all); err != nil {
		return nil, fmt.Errorf("writing the labels of the new image: %w", err)
	}
	if outer["config"], err = json.Marshal(inner); err != nil {
		return nil, fmt.Errorf("writing the config of the new image: %w", err)
	}
	if config, err = json.Marshal(outer); err != nil {
		return nil, fmt.Errorf("writing the config of the new image: %w", err)
	}
	return config, nil
}
