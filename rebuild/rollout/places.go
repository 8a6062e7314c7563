// Package rollout puts the image of a component into a running cluster without a payload, and takes it back: what a
// payload's manifests say of an image is changed in the cluster's own objects, and the cluster version operator is told
// to leave these alone. What was changed is written on the objects, so that any machine can tell and undo it.
package rollout

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
)

// Object is an object of a cluster, as the overrides of a ClusterVersion name it.
type Object struct {
	Kind      string `json:"kind"`
	Group     string `json:"group"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// String is how kubectl writes it, and where it is.
func (o Object) String() string {
	return strings.ToLower(o.Kind) + "/" + o.Name + " in " + o.Namespace
}

// resource is the object's kind in addresses.
func (o Object) resource() string { return strings.ToLower(o.Kind) + "s" }

// path is the object's address at the API server.
func (o Object) path() string {
	root := "api/v1"
	if o.Group != "" {
		root = "apis/" + o.Group + "/v1"
	}
	return root + "/namespaces/" + o.Namespace + "/" + o.resource() + "/" + o.Name
}

// isWorkload tells whether the object makes pods.
func (o Object) isWorkload() bool { return o.Group == appsGroup }

const (
	appsGroup     = "apps"
	kindConfigMap = "ConfigMap"
)

// Place is where an object names an image: the image of a container, a variable or an argument of a container, which an
// operator passes on to what it runs, or a value of a ConfigMap.
type Place struct {
	Object Object
	// Container is the container, or the key of the ConfigMap.
	Container string
	Variable  string // of the container; "" = its own image
	Arguments bool   // of the container: one of them has the image in it
}

// isPart tells whether the image is a part of what stands at the place.
func (p Place) isPart() bool { return p.Arguments || p.Object.Kind == kindConfigMap }

// arguments stands for them in the name of a place; no variable is called so.
const arguments = "(arguments)"

// key names the place within its object.
func (p Place) key() string {
	if p.Arguments {
		return p.Container + "/" + arguments
	}
	return strings.TrimSuffix(p.Container+"/"+p.Variable, "/")
}

// placeOf is the place in an object that has a name.
func placeOf(object Object, key string) Place {
	container, variable, _ := strings.Cut(key, "/")
	if variable == arguments {
		return Place{Object: object, Container: container, Arguments: true}
	}
	return Place{Object: object, Container: container, Variable: variable}
}

// String says what is at the place.
func (p Place) String() string {
	switch {
	case p.Object.Kind == kindConfigMap:
		return p.Object.String() + ", key " + p.Container
	case p.Arguments:
		return p.Object.String() + ", an argument of " + p.Container
	case p.Variable != "":
		return p.Object.String() + ", variable " + p.Variable + " of " + p.Container
	}
	return p.Object.String() + ", container " + p.Container
}

// Sites are the places where a payload names the image of a component.
type Sites struct {
	Component string
	Image     string // pull spec in the payload
	Places    []Place
	// Readers are the workloads that read a ConfigMap among the places when they start.
	Readers []Object
}

// manifest is the part of an object that may name images.
type manifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Data map[string]string `json:"data"`
	Spec struct {
		Template struct {
			Spec podSpec `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
}

type podSpec struct {
	Containers     []container `json:"containers"`
	InitContainers []container `json:"initContainers"`
	Volumes        []struct {
		ConfigMap struct {
			Name string `json:"name"`
		} `json:"configMap"`
	} `json:"volumes"`
}

type container struct {
	Name    string   `json:"name"`
	Image   string   `json:"image"`
	Command []string `json:"command"`
	Args    []string `json:"args"`
	Env     []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"env"`
	EnvFrom []struct {
		ConfigMapRef struct {
			Name string `json:"name"`
		} `json:"configMapRef"`
	} `json:"envFrom"`
}

func (m *manifest) object() Object {
	group, _, ok := strings.Cut(m.APIVersion, "/")
	if !ok {
		group = ""
	}
	return Object{Kind: m.Kind, Group: group, Namespace: m.Metadata.Namespace, Name: m.Metadata.Name}
}

// Find lists the places where a payload's manifests name the image of a component. One that none names is an error of
// class fault.Unresolved.
func Find(release *payload.Release, name string) (Sites, error) {
	component, err := release.Component(name)
	if err != nil {
		return Sites{}, err
	}
	sites := Sites{Component: name, Image: component.Image}
	for _, m := range manifests(release, component.Image) {
		for _, place := range m.places(component.Image) {
			if !slices.Contains(sites.Places, place) { // a file for each cluster profile may have the same object
				sites.Places = append(sites.Places, place)
			}
		}
	}
	if len(sites.Places) == 0 {
		return Sites{}, fault.New(fault.Unresolved,
			"Make a payload with it: oc rebuild "+name+" --to-image T --upgrade.",
			fmt.Errorf("no manifest of %s names the image of %q in a Deployment, a DaemonSet, a StatefulSet or a ConfigMap", release.Name, name))
	}
	for _, place := range sites.Places {
		if place.Object.Kind != kindConfigMap {
			continue
		}
		for _, m := range manifests(release, place.Object.Name) {
			if reads := m.object(); reads.isWorkload() && m.reads(place.Object) &&
				!slices.Contains(sites.Readers, reads) {
				sites.Readers = append(sites.Readers, reads)
			}
		}
	}
	return sites, nil
}

// manifests lists the workloads and the ConfigMaps of a payload's files that have a text in them.
func manifests(release *payload.Release, text string) []manifest {
	var all []manifest
	for _, file := range release.Manifests() {
		if !bytes.Contains(file.Data, []byte(text)) {
			continue
		}
		reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(file.Data)))
		for {
			document, err := reader.Read()
			if err != nil { // its end, or nothing that can be read
				break
			}
			var m manifest
			if sigsyaml.Unmarshal(document, &m) != nil || m.Metadata.Name == "" {
				continue
			}
			switch m.APIVersion + " " + m.Kind {
			case "apps/v1 Deployment", "apps/v1 DaemonSet", "apps/v1 StatefulSet", "v1 ConfigMap":
				all = append(all, m)
			}
		}
	}
	return all
}

// places lists where an object names an image.
func (m *manifest) places(image string) []Place {
	var all []Place
	object := m.object()
	for key, text := range m.Data {
		if m.Kind == kindConfigMap && strings.Contains(text, image) {
			all = append(all, Place{Object: object, Container: key})
		}
	}
	slices.SortFunc(all, func(a, b Place) int { return strings.Compare(a.Container, b.Container) })
	for _, c := range slices.Concat(m.Spec.Template.Spec.InitContainers, m.Spec.Template.Spec.Containers) {
		if c.Image == image {
			all = append(all, Place{Object: object, Container: c.Name})
		}
		if slices.ContainsFunc(slices.Concat(c.Command, c.Args),
			func(text string) bool { return strings.Contains(text, image) }) {
			all = append(all, Place{Object: object, Container: c.Name, Arguments: true})
		}
		for _, variable := range c.Env {
			if variable.Value == image {
				all = append(all, Place{Object: object, Container: c.Name, Variable: variable.Name})
			}
		}
	}
	return all
}

// reads tells whether the object's pods are given a ConfigMap.
func (m *manifest) reads(configMap Object) bool {
	if configMap.Kind != kindConfigMap || configMap.Namespace != m.Metadata.Namespace {
		return false
	}
	spec := m.Spec.Template.Spec
	for _, volume := range spec.Volumes {
		if volume.ConfigMap.Name == configMap.Name {
			return true
		}
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, from := range c.EnvFrom {
			if from.ConfigMapRef.Name == configMap.Name {
				return true
			}
		}
	}
	return false
}
