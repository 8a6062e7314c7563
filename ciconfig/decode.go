package ciconfig

import (
	"fmt"
	"sort"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Limits on what a config may hold. Real ones stay under 1 MiB.
const (
	// MaxConfigSize is the largest config that is read, in bytes.
	MaxConfigSize = 8 << 20
	// maxNodes bounds the values that are visited, each alias counted again, so that aliases of aliases end early.
	maxNodes = 200_000
)

// decoder walks over the parsed YAML of one file and makes errors that say where.
type decoder struct {
	file    string
	visited int
}

// at is an error about one value.
func (d *decoder) at(node *yaml.Node, path, format string, args ...any) error {
	place := d.file
	if node != nil && node.Line > 0 {
		place += ":" + strconv.Itoa(node.Line)
	}
	if path != "" {
		place += ": " + path
	}
	return fmt.Errorf("%s: %w", place, fmt.Errorf(format, args...))
}

// visit follows an alias and counts the value.
func (d *decoder) visit(node *yaml.Node, path string) (*yaml.Node, error) {
	for node.Kind == yaml.AliasNode {
		if d.visited++; d.visited > maxNodes {
			break
		}
		node = node.Alias
	}
	if d.visited++; d.visited > maxNodes {
		return nil, d.at(node, path, "more than %d values: too many, or aliases of aliases", maxNodes)
	}
	return node, nil
}

// null reports whether a value is absent.
func null(node *yaml.Node) bool {
	return node == nil || node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// fields calls the function of each key of a mapping that has one. Other keys are ignored: configs say more than what
// is read here.
func (d *decoder) fields(node *yaml.Node, path string, known map[string]func(*yaml.Node, string) error) error {
	return d.entries(node, path, func(key string, value *yaml.Node, path string) error {
		if read := known[key]; read != nil {
			return read(value, path)
		}
		return nil
	})
}

// entries calls read for each entry of a mapping. An absent mapping has none. A key that appears twice is an error.
func (d *decoder) entries(node *yaml.Node, path string,
	read func(key string, value *yaml.Node, path string) error) error {
	node, err := d.visit(node, path)
	if err != nil || null(node) {
		return err
	}
	if node.Kind != yaml.MappingNode {
		return d.at(node, path, "must be a mapping, not %s", kindName(node))
	}
	seen := make(map[string]bool, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, err := d.visit(node.Content[i], path)
		if err != nil {
			return err
		}
		if name.Kind != yaml.ScalarNode {
			return d.at(name, path, "a key must be a string, not %s", kindName(name))
		}
		key := name.Value
		if seen[key] {
			return d.at(name, path, "the key %q appears twice", key)
		}
		seen[key] = true
		if err := read(key, node.Content[i+1], join(path, key)); err != nil {
			return err
		}
	}
	return nil
}

// items calls read for each item of a list. An absent list has none.
func (d *decoder) items(node *yaml.Node, path string, read func(value *yaml.Node, path string) error) error {
	node, err := d.visit(node, path)
	if err != nil || null(node) {
		return err
	}
	if node.Kind != yaml.SequenceNode {
		return d.at(node, path, "must be a list, not %s", kindName(node))
	}
	for i, item := range node.Content {
		if err := read(item, path+"["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	return nil
}

// text returns a reader of a string. Numbers keep the spelling of the file, so that an unquoted 4.10 does not become
// 4.1.
func (d *decoder) text(target *string) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		node, err := d.visit(node, path)
		if err != nil || null(node) {
			return err
		}
		if node.Kind == yaml.ScalarNode {
			switch node.ShortTag() {
			case "!!str", "!!int", "!!float", "!!bool", "!!timestamp":
				*target = node.Value
				return nil
			}
		}
		return d.at(node, path, "must be a string, not %s", kindName(node))
	}
}

// truth returns a reader of a boolean.
func (d *decoder) truth(target *bool) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		node, err := d.visit(node, path)
		if err != nil || null(node) {
			return err
		}
		if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!bool" || node.Decode(target) != nil {
			return d.at(node, path, "must be true or false, not %s", kindName(node))
		}
		return nil
	}
}

// texts returns a reader of a list of strings.
func (d *decoder) texts(target *[]string) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		return d.items(node, path, func(value *yaml.Node, path string) error {
			var one string
			err := d.text(&one)(value, path)
			*target = append(*target, one)
			return err
		})
	}
}

// join appends a key to the path of a field. Keys come from the file, so anything unusual is quoted.
func join(path, key string) string {
	for _, c := range key {
		if notInName(c) && c != '*' && c != '/' && c != ':' {
			key = strconv.Quote(key)
			break
		}
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// kindName says in a reader's words what a value is.
func kindName(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		if null(node) {
			return "nothing"
		}
		shown := node.Value
		if len(shown) > 40 {
			shown = shown[:40] + "…"
		}
		return strconv.Quote(shown)
	}
	return "something else"
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
