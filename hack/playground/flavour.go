package playground

import (
	"bytes"
	"strings"
)

// flavour is one of the two payloads: OCP as CI builds it, and OKD on CentOS Stream CoreOS. They have the same
// components but for what the operating system is called.
type flavour struct {
	Key        string // of the seed's index
	Version    string
	Stream     string // as in the annotation release.openshift.io/from-image-stream
	Release    string // pull spec of the release image
	Repository string // of the component images
	rename     func(string) string
	title      string // what the operating system calls itself
}

func flavours() []flavour {
	return []flavour{{
		Key:        "ocp",
		Version:    "4.17.0-0.ci-2024-09-02-101523",
		Stream:     "ocp/4.17-2024-09-02-101523",
		Release:    "registry.ci.openshift.org/ocp/release:4.17.0-0.ci-2024-09-02-101523",
		Repository: "registry.ci.openshift.org/ocp/4.17-2024-09-02-101523",
		rename:     func(s string) string { return s },
		title:      "machine-os=Red Hat Enterprise Linux CoreOS",
	}, {
		Key:        "okd",
		Version:    "4.17.0-okd-scos.0",
		Stream:     "origin/scos-4.17-2024-09-02-101523",
		Release:    "quay.io/okd/scos-release:4.17.0-okd-scos.0",
		Repository: "quay.io/okd/scos-content",
		rename:     func(s string) string { return strings.ReplaceAll(s, "rhel-coreos", "stream-coreos") },
		title:      "machine-os=CentOS Stream CoreOS",
	}}
}

// component is c under the name that it has in the flavour.
func (f flavour) component(c component) component {
	c.Name = f.rename(c.Name)
	operands := make([]string, len(c.Operands))
	for i, operand := range c.Operands {
		operands[i] = f.rename(operand)
	}
	c.Operands = operands
	if c.Titles != "" {
		c.Titles = f.title
	}
	return c
}

// files does to the manifests of a component what the build argument TAGS=scos makes its Dockerfile do.
func (f flavour) files(files []file) []file {
	renamed := make([]file, len(files))
	for i, in := range files {
		renamed[i] = in
		if strings.HasPrefix(in.Name, "manifests/") {
			renamed[i].Data = bytes.ReplaceAll(in.Data, []byte("rhel-coreos"), []byte(f.rename("rhel-coreos")))
		}
	}
	return renamed
}
