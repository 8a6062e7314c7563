package rollout

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// annotation of an object tells what was changed in it: a record for each component, as JSON.
const annotation = "oc-rebuild/components"

// restarted of a pod template makes a workload replace its pods, as `kubectl rollout restart` does.
const restarted = "oc-rebuild/restarted"

// Record tells of an image that stands in the place of the payload's.
type Record struct {
	Image      string    `json:"image"`                // pull spec by digest
	Repository string    `json:"repository,omitempty"` // of the source
	Commit     string    `json:"commit,omitempty"`
	Dirty      bool      `json:"dirty,omitempty"` // the source has changes that are in no commit
	Since      time.Time `json:"since"`
	By         string    `json:"by,omitempty"` // user of the cluster
	// Original has what was there before, by place.
	Original map[string]string `json:"original"`
	// Readers are workloads that read the object, a ConfigMap, when they start.
	Readers []Object `json:"readers,omitempty"`
}

// records reads what was changed in an object.
func records(object map[string]any) (map[string]Record, error) {
	all := map[string]Record{}
	text, _ := child(object, "metadata", "annotations")[annotation].(string)
	if text == "" {
		return all, nil
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("reading its annotation %s: %w", annotation, err)
	}
	return all, nil
}

// setRecords writes what is changed in an object.
func setRecords(object map[string]any, all map[string]Record) error {
	annotations := child(object, "metadata", "annotations")
	if len(all) == 0 {
		delete(annotations, annotation)
		return nil
	}
	text, err := json.Marshal(all)
	annotations[annotation] = string(text)
	return err
}

// child returns a map below a map, which is made if it is not there.
func child(object map[string]any, path ...string) map[string]any {
	for _, name := range path {
		next, ok := object[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			object[name] = next
		}
		object = next
	}
	return object
}

// containers lists the containers of a workload.
func containers(object map[string]any) []map[string]any {
	var all []map[string]any
	spec := child(object, "spec", "template", "spec")
	for _, name := range []string{"initContainers", "containers"} {
		list, _ := spec[name].([]any)
		for _, item := range list {
			if c, ok := item.(map[string]any); ok {
				all = append(all, c)
			}
		}
	}
	return all
}

// slot is where a place of an object keeps its text.
type slot struct {
	get func() string
	set func(string)
}

// field is the slot that is a key of a map.
func field(in map[string]any, key string) slot {
	return slot{func() string {
		text, _ := in[key].(string)
		return text
	}, func(text string) { in[key] = text }}
}

// between separates arguments: none has it.
const between = "\x00"

// argumentsOf is the slot that is a container's command and arguments.
func argumentsOf(c map[string]any) slot {
	lists := []string{"command", "args"}
	return slot{func() string {
		var parts []string
		for _, name := range lists {
			list, _ := c[name].([]any)
			for _, item := range list {
				parts = append(parts, fmt.Sprint(item))
			}
		}
		return strings.Join(parts, between)
	}, func(text string) {
		parts := strings.Split(text, between)
		for _, name := range lists {
			list, _ := c[name].([]any)
			for i := range list {
				list[i], parts = parts[0], parts[1:]
			}
		}
	}}
}

// find returns the slot of a place. An object of a cluster need not have what the payload's manifest has.
func find(object map[string]any, place Place) (slot, bool) {
	if place.Object.Kind == kindConfigMap {
		data := child(object, "data")
		_, ok := data[place.Container].(string)
		return field(data, place.Container), ok
	}
	for _, c := range containers(object) {
		switch {
		case c["name"] != place.Container:
			continue
		case place.Arguments:
			return argumentsOf(c), true
		case place.Variable == "":
			return field(c, "image"), true
		}
		variables, _ := c["env"].([]any)
		for _, item := range variables {
			if variable, ok := item.(map[string]any); ok && variable["name"] == place.Variable {
				return field(variable, "value"), true
			}
		}
	}
	return slot{}, false
}
