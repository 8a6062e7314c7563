package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/openshift/imagebuilder"
	"github.com/openshift/imagebuilder/dockerfile/parser"
)

// ciVariables are what CI's and ART's builds set in every image: never the base's.
var ciVariables = []string{
	"OPENSHIFT_BUILD_NAME", "OPENSHIFT_BUILD_NAMESPACE", "OPENSHIFT_BUILD_SOURCE", "OPENSHIFT_BUILD_REFERENCE",
	"OPENSHIFT_BUILD_COMMIT", "BUILD_LOGLEVEL",
	"SOURCE_GIT_COMMIT", "SOURCE_GIT_TAG", "SOURCE_GIT_URL", "SOURCE_GIT_TREE_STATE", "SOURCE_DATE_EPOCH",
	"OS_GIT_COMMIT", "OS_GIT_VERSION",
}

// ciLabels are the beginnings of labels that CI's and ART's builds set in every image.
var ciLabels = []string{"io.openshift.build.", "io.openshift.ci.", "vcs-", "io.buildah."}

// peelConfig returns the config of an image without its last layers and without what the given stages of its
// Dockerfile set: what is left is the base's. A value that the Dockerfile overwrites was lost for good; the rebuilt
// image gets the Dockerfile's again.
func peelConfig(blob []byte, keep int, text []byte, stages map[int]bool) ([]byte, error) {
	var image map[string]json.RawMessage
	var settings map[string]json.RawMessage
	var rootfs struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	}
	if err := errors.Join(json.Unmarshal(blob, &image), unmarshal(image["config"], &settings),
		unmarshal(image["rootfs"], &rootfs)); err != nil {
		return nil, fmt.Errorf("parsing its config: %w", err)
	}
	if len(rootfs.DiffIDs) < keep {
		return nil, fmt.Errorf("its config has %d layers", len(rootfs.DiffIDs))
	}
	set, err := whatStagesSet(text, stages)
	if err != nil {
		return nil, err
	}
	if err := set.removeFrom(settings); err != nil {
		return nil, fmt.Errorf("parsing its config: %w", err)
	}
	rootfs.DiffIDs = rootfs.DiffIDs[:keep]
	history, err := peelHistory(image["history"], keep)
	if err != nil {
		return nil, fmt.Errorf("parsing its history: %w", err)
	}
	for _, name := range []string{"container", "container_config", "id", "parent", "parent_id", "layer_id",
		"Size", "comment"} {
		delete(image, name)
	}
	for name, value := range map[string]any{"config": settings, "rootfs": rootfs, "history": history} {
		if image[name], err = json.Marshal(value); err != nil {
			return nil, fmt.Errorf("writing the config of the base: %w", err)
		}
	}
	data, err := json.Marshal(image)
	if err != nil {
		return nil, fmt.Errorf("writing the config of the base: %w", err)
	}
	return data, nil
}

// unmarshal is json.Unmarshal for a value that may be missing.
func unmarshal(data json.RawMessage, value any) error {
	if len(data) == 0 {
		return nil
	}
	return json.Unmarshal(data, value)
}

// peelHistory leaves the entries of the layers that stay.
func peelHistory(data json.RawMessage, keep int) ([]json.RawMessage, error) {
	var entries []json.RawMessage
	if err := unmarshal(data, &entries); err != nil {
		return nil, err
	}
	layers := 0
	for i, entry := range entries {
		var one struct {
			Empty bool `json:"empty_layer"`
		}
		if err := json.Unmarshal(entry, &one); err != nil {
			return nil, err
		}
		if !one.Empty {
			layers++
		}
		if layers > keep {
			return entries[:i], nil
		}
	}
	if layers < keep {
		return nil, nil // history that does not fit its layers is refused by registries: better none
	}
	return entries, nil
}

// settings are the parts of an image's config that a Dockerfile sets.
type settings struct {
	fields map[string]bool // such as User
	env    map[string]bool
	labels map[string]bool
	// extended are variables that the Dockerfile builds on the base's, such as PATH=$PATH:/more: what it puts before
	// and after.
	extended map[string][2]string
}

// aroundItself returns what the value of a variable puts before and after the value that it had.
func aroundItself(name, value string) (before, after string, ok bool) {
	value = strings.Trim(value, `"`)
	for _, reference := range []string{"${" + name + "}", "$" + name + ":", "$" + name} {
		if before, after, ok = strings.Cut(value, reference); ok {
			if strings.HasSuffix(reference, ":") {
				after = ":" + after
			}
			return before, after, true
		}
	}
	return "", "", false
}

// whatStagesSet lists what the instructions of some stages set.
func whatStagesSet(text []byte, stages map[int]bool) (settings, error) {
	set := settings{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string][2]string{}}
	for _, name := range ciVariables {
		set.env[name] = true
	}
	root, err := imagebuilder.ParseDockerfile(bytes.NewReader(text))
	if err != nil {
		return set, fmt.Errorf("reading the Dockerfile: %w", err)
	}
	stage := -1
	for _, node := range root.Children {
		if strings.EqualFold(node.Value, "from") {
			stage++
		}
		if stages[stage] {
			set.add(node)
		}
	}
	return set, nil
}

// add notes what one instruction sets.
func (s *settings) add(node *parser.Node) {
	switch strings.ToLower(node.Value) {
	case "env":
		for name, value := range pairs(node) {
			if before, after, ok := aroundItself(name, value); ok {
				s.extended[name] = [2]string{before, after}
			} else {
				s.env[name] = true
			}
		}
	case "label":
		for name := range pairs(node) {
			s.labels[strings.Trim(name, `"'`)] = true
		}
	case "entrypoint":
		s.fields["Entrypoint"] = true
	case "cmd":
		s.fields["Cmd"] = true
	case "user":
		s.fields["User"] = true
	case "workdir":
		s.fields["WorkingDir"] = true
	case "volume":
		s.fields["Volumes"] = true
	case "expose":
		s.fields["ExposedPorts"] = true
	case "stopsignal":
		s.fields["StopSignal"] = true
	case "healthcheck":
		s.fields["Healthcheck"] = true
	case "shell":
		s.fields["Shell"] = true
	case "onbuild":
		s.fields["OnBuild"] = true
	}
}

// pairs returns the names and values of an ENV or LABEL instruction.
func pairs(node *parser.Node) map[string]string {
	result := map[string]string{}
	for one := node.Next; one != nil && one.Next != nil; one = one.Next.Next {
		result[one.Value] = one.Next.Value
	}
	return result
}

// removeFrom takes what was set out of a config.
func (s *settings) removeFrom(config map[string]json.RawMessage) error {
	for name := range s.fields {
		delete(config, name)
	}
	for _, name := range []string{"Hostname", "Domainname", "Image"} { // of the container in which the image was made
		delete(config, name)
	}
	var env []string
	if err := unmarshal(config["Env"], &env); err != nil {
		return err
	}
	kept := []string{}
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		if around, ok := s.extended[name]; ok { // where other variables stand around it, the value stays as it is
			if rest, ok := strings.CutPrefix(value, around[0]); ok {
				if rest, ok := strings.CutSuffix(rest, around[1]); ok {
					entry = name + "=" + rest
				}
			}
		}
		if !s.env[name] {
			kept = append(kept, entry)
		}
	}
	var labels map[string]string
	if err := unmarshal(config["Labels"], &labels); err != nil {
		return err
	}
	for name := range labels {
		ci := s.labels[name]
		for _, prefix := range ciLabels {
			ci = ci || strings.HasPrefix(name, prefix)
		}
		if ci {
			delete(labels, name)
		}
	}
	var err error
	if config["Env"], err = json.Marshal(kept); err != nil {
		return err
	}
	config["Labels"], err = json.Marshal(labels)
	return err
}
