package playground

import (
	"fmt"
	"slices"
	"strings"
)

// file is a file of an image.
type file struct {
	Name string // slash-separated, without a leading slash
	Data []byte
	Mode int64
}

const placeholder = "placeholder.url.oc.will.replace.this.org/placeholdernamespace:"

// manifests returns the files that an operator without a repository has in /manifests.
func (c component) manifests() []file {
	prefix := "0000_" + c.Level + "_" + c.Name
	files := []file{
		{Name: "image-references", Data: c.imageReferences()},
		{Name: prefix + "_01_deployment.yaml", Data: fmt.Appendf(nil, deploymentManifest, c.Name, placeholder+c.Name)},
		{Name: prefix + "_02_clusteroperator.yaml", Data: fmt.Appendf(nil, clusterOperatorManifest, c.Name)},
	}
	if len(c.Operands) > 0 {
		// A name without a run level: `oc adm release new` puts 0000_50_COMPONENT_ in front.
		files = append(files, file{Name: "images.yaml", Data: c.imagesManifest()})
	}
	return files
}

func (c component) imageReferences() []byte {
	var b strings.Builder
	b.WriteString("kind: ImageStream\napiVersion: image.openshift.io/v1\nspec:\n  tags:\n")
	for _, name := range slices.Concat([]string{c.Name}, c.Operands) {
		fmt.Fprintf(&b, "  - name: %s\n    from:\n      kind: DockerImage\n      name: %s%[1]s\n", name, placeholder)
	}
	return []byte(b.String())
}

func (c component) imagesManifest() []byte {
	var b strings.Builder
	fmt.Fprintf(&b,
		"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s-images\n  namespace: openshift-%[1]s\n", c.Name)
	b.WriteString("  annotations:\n    include.release.openshift.io/self-managed-high-availability: \"true\"\ndata:\n")
	for _, name := range c.Operands {
		fmt.Fprintf(&b, "  %s: %s%[1]s\n", name, placeholder)
	}
	return []byte(b.String())
}

const deploymentManifest = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: %[1]s
  namespace: openshift-%[1]s
  annotations:
    include.release.openshift.io/self-managed-high-availability: "true"
spec:
  replicas: 1
  selector:
    matchLabels:
      app: %[1]s
  template:
    metadata:
      labels:
        app: %[1]s
    spec:
      containers:
      - name: operator
        image: %[2]s
        env:
        - name: RELEASE_VERSION
          value: "0.0.1-snapshot"
`

const clusterOperatorManifest = `apiVersion: config.openshift.io/v1
kind: ClusterOperator
metadata:
  name: %[1]s
  annotations:
    include.release.openshift.io/self-managed-high-availability: "true"
status:
  versions:
  - name: operator
    version: "0.0.1-snapshot"
`
