package ciconfig

import (
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

// images reads both schemas: a list, and since 2026 a mapping whose items are that list.
func (d *decoder) images(target *[]Image) func(*yaml.Node, string) error {
	list := func(node *yaml.Node, path string) error {
		return d.items(node, path, func(value *yaml.Node, path string) error {
			var image Image
			err := d.image(&image)(value, path)
			*target = append(*target, image)
			return err
		})
	}
	return func(node *yaml.Node, path string) error {
		inner, err := d.visit(node, path)
		if err != nil {
			return err
		}
		if inner.Kind == yaml.MappingNode {
			return d.nested("items", list)(inner, path)
		}
		return list(inner, path)
	}
}

func (d *decoder) image(i *Image) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		i.line = node.Line
		return d.fields(node, path, map[string]func(*yaml.Node, string) error{
			"to": d.text(&i.To), "from": d.text(&i.From), "context_dir": d.text(&i.ContextDir),
			"dockerfile_path":    d.text(&i.Dockerfile),
			"dockerfile_literal": d.text(&i.Literal), "optional": d.truth(&i.Optional), "ref": d.text(&i.Ref),
			"build_args": d.buildArgs(&i.BuildArgs), "inputs": d.inputs(&i.Inputs),
		})
	}
}

func (d *decoder) buildArgs(target *[]Arg) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		return d.items(node, path, func(value *yaml.Node, path string) error {
			var arg Arg
			err := d.fields(value, path,
				map[string]func(*yaml.Node, string) error{"name": d.text(&arg.Name), "value": d.text(&arg.Value)})
			if err == nil && (arg.Name == "" || strings.ContainsFunc(arg.Name, notInVariable)) {
				err = d.at(value, path+".name", "%q is not the name of a build argument", arg.Name)
			}
			*target = append(*target, arg)
			return err
		})
	}
}

// notInVariable reports the characters that no name of a build argument has.
func notInVariable(c rune) bool { return notInName(c) || c == '-' || c == '.' }

func (d *decoder) inputs(target *[]Input) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		err := d.entries(node, path, func(tag string, value *yaml.Node, path string) error {
			input := Input{Image: tag}
			err := d.fields(value, path,
				map[string]func(*yaml.Node, string) error{"as": d.texts(&input.As), "paths": d.paths(&input.Paths)})
			*target = append(*target, input)
			return err
		})
		sort.Slice(*target, func(a, b int) bool { return (*target)[a].Image < (*target)[b].Image })
		return err
	}
}

func (d *decoder) paths(target *[]Path) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		return d.items(node, path, func(value *yaml.Node, path string) error {
			var one Path
			err := d.fields(value, path, map[string]func(*yaml.Node, string) error{
				"source_path": d.text(&one.Source), "destination_dir": d.text(&one.Destination),
			})
			*target = append(*target, one)
			return err
		})
	}
}
