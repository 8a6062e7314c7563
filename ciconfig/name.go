package ciconfig

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// configDir is where openshift/release keeps ci-operator configs.
const configDir = "ci-operator/config"

// Basename returns the name of the file that holds the config: ORG-REPO-BRANCH[__VARIANT].yaml.
func (m Metadata) Basename() string {
	name := m.Org + "-" + m.Repo + "-" + m.Branch
	if m.Variant != "" {
		name += "__" + m.Variant
	}
	return name + ".yaml"
}

// Path returns where openshift/release keeps the config.
func (m Metadata) Path() string { return path.Join(configDir, m.Org, m.Repo, m.Basename()) }

// String returns ORG/REPO@BRANCH, with the variant in brackets.
func (m Metadata) String() string {
	text := m.Org + "/" + m.Repo + "@" + m.Branch
	if m.Variant != "" {
		text += " [" + m.Variant + "]"
	}
	if unprintable(text) {
		return strconv.Quote(text)
	}
	return text
}

// MetadataFromPath reads the metadata from the path of a config: the last two directories are organisation and
// repository, the variant is what follows the last two underscores. Neither can be read from the name alone, for
// repositories and branches have hyphens.
func MetadataFromPath(name string) (Metadata, error) {
	directory, base := path.Split(name)
	directory = path.Clean(directory)
	m := Metadata{Org: path.Base(path.Dir(directory)), Repo: path.Base(directory)}
	if directory == "." || m.Org == "." || m.Org == "/" {
		return Metadata{}, fmt.Errorf("%q is not in a directory ORG/REPO", name)
	}
	base = strings.TrimSuffix(base, path.Ext(base))
	m.Branch = strings.TrimPrefix(base, m.Org+"-"+m.Repo+"-")
	if at := strings.LastIndex(m.Branch, "__"); at >= 0 {
		m.Branch, m.Variant = m.Branch[:at], m.Branch[at+2:]
	}
	return m, nil
}

var simpleBranch = regexp.MustCompile(`^[\w\-.]+$`)

// serves reports whether CI uses a config of the given branch for a ref: the branch itself, one of its feature
// branches (release-4.6 serves release-4.6-hotfix), or, where the config's branch is a regular expression, whatever
// that matches.
func serves(branch, ref string) bool {
	if simpleBranch.MatchString(branch) {
		return ref == branch || strings.HasPrefix(ref, branch+"-")
	}
	pattern, err := regexp.Compile("^(?:" + branch + ")$")
	return err == nil && pattern.MatchString(ref)
}
