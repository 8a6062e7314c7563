package playground

import (
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
)

//go:embed components.txt
var componentList string

// component is one image of a payload.
type component struct {
	Name       string
	Repository string // ORG/REPO, "" for an image without source
	Level      string // run level of an operator's manifests, "" for an operand
	Operands   []string
	Commit     string
	Ref        string
	Versions   string // as in the label io.openshift.build.versions
	Titles     string // as in the label io.openshift.build.version-display-names
}

func (c component) operator() bool { return c.Level != "" }

// components reads the list and gives each component a commit: one that exists where the repository does, else an
// invented one.
func components(real map[string]string) ([]component, error) {
	var list []component
	operands := map[string][]string{}
	for line := range strings.Lines(componentList) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		if len(fields) < 3 {
			return nil, fmt.Errorf("components.txt: %q has too few fields", line)
		}
		c := component{Name: fields[0], Versions: versions(fields[0])}
		if c.Versions != "" && strings.HasPrefix(c.Name, "rhel-coreos") {
			c.Titles = "machine-os=Red Hat Enterprise Linux CoreOS"
		}
		if fields[1] != "-" {
			c.Repository = fields[1]
			c.Commit, c.Ref = commitOf(c.Repository, real)
		}
		switch role := fields[2]; role {
		case "operator":
			c.Level = fields[3]
		case "-":
		default:
			operands[role] = append(operands[role], c.Name)
		}
		list = append(list, c)
	}
	for i := range list {
		list[i].Operands = operands[list[i].Name]
	}
	return list, nil
}

// commitOf returns the commit and the branch that an image of the repository was built from. Like the payloads that
// are built outside CI, those of the etcd repository do not record the branch.
func commitOf(repository string, real map[string]string) (commit, ref string) {
	ref = "release-4.17"
	if repository == "openshift/etcd" {
		ref = ""
	}
	if commit, ok := real[repository]; ok {
		return commit, ref
	}
	h := sha1.Sum([]byte(repository))
	return hex.EncodeToString(h[:]), ref
}

// versions returns what a component declares of the versions that manifests may ask for.
func versions(name string) string {
	switch name {
	case "hyperkube":
		return "kubernetes=1.30.4"
	case "cli", "cli-artifacts":
		return "kubectl=1.30.1"
	case "rhel-coreos":
		return "machine-os=417.94.202409020916-0"
	}
	return ""
}
