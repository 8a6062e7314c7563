package ciconfig

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"gopkg.in/yaml.v3"
)

// Parse reads a ci-operator config, of the present schema or an older one, as YAML or JSON. The name is used in
// messages, and gives the metadata where the config carries none and the name is a path in openshift/release. Fields
// that do not matter for building images are ignored, known or not. Errors are of class Unresolved and name file,
// line and field.
func Parse(name string, data []byte) (*Config, error) {
	config, err := parse(name, data)
	if err != nil {
		return nil, fault.New(fault.Unresolved, "", err)
	}
	return config, nil
}

func parse(name string, data []byte) (*Config, error) {
	root, d, err := document(name, data)
	if err != nil {
		return nil, err
	}
	config := &Config{Name: name}
	if err := d.config(root, config); err != nil {
		return nil, err
	}
	if config.Metadata == (Metadata{}) {
		config.Metadata, _ = MetadataFromPath(name)
	}
	if err := config.validate(d, root); err != nil {
		return nil, err
	}
	return config, nil
}

// document parses the one YAML document of a file.
func document(name string, data []byte) (*yaml.Node, *decoder, error) {
	d := &decoder{file: name}
	if len(data) > MaxConfigSize {
		return nil, nil, fmt.Errorf("%s: %d bytes, more than %d", name, len(data), MaxConfigSize)
	}
	var root yaml.Node
	parser := yaml.NewDecoder(strings.NewReader(string(data)))
	if err := parser.Decode(&root); errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%s: the file is empty", name)
	} else if err != nil {
		return nil, nil, fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return nil, nil, d.at(&root, "", "a config must be a mapping")
	}
	return root.Content[0], d, nil
}

// config reads the top level.
func (d *decoder) config(root *yaml.Node, c *Config) error {
	var defaults Stream // tag_specification: what a base image belongs to that states a tag alone
	err := d.fields(root, "", map[string]func(*yaml.Node, string) error{
		"zz_generated_metadata":      d.metadata(&c.Metadata),
		"base_images":                d.references(&c.BaseImages),
		"base_rpm_images":            d.references(&c.BaseRPMImages),
		"external_images":            d.external(&c.ExternalImages),
		"build_root":                 d.buildRoot(&c.BuildRoot),
		"build_roots":                d.present(&c.MultiRef),
		"binary_build_commands":      d.text(&c.BinaryCommands),
		"test_binary_build_commands": d.text(&c.TestCommands),
		"rpm_build_commands":         d.text(&c.RPMCommands),
		"rpm_build_location":         d.text(&c.RPMLocation),
		"canonical_go_repository":    d.text(&c.CanonicalGoRepo),
		"images":                     d.images(&c.Images),
		"raw_steps":                  d.rawSteps(&c.RawSteps),
		"operator":                   d.operator(&c.Bundles),
		"promotion":                  d.promotion(&c.Promotion),
		"tag_specification":          d.stream(&defaults),
		"releases":                   d.releases(&c.Integration),
		"resources":                  d.resources(&c.Requests),
	})
	for alias, ref := range c.BaseImages {
		if ref.Namespace == "" && ref.Name == "" {
			ref.Namespace, ref.Name = defaults.Namespace, defaults.Name
			c.BaseImages[alias] = ref
		}
	}
	return err
}

func (d *decoder) metadata(m *Metadata) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		return d.fields(node, path, map[string]func(*yaml.Node, string) error{
			"org": d.text(&m.Org), "repo": d.text(&m.Repo), "branch": d.text(&m.Branch), "variant": d.text(&m.Variant),
		})
	}
}

func (d *decoder) stream(s *Stream) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		return d.fields(node, path, map[string]func(*yaml.Node, string) error{
			"namespace": d.text(&s.Namespace), "name": d.text(&s.Name),
		})
	}
}

// releases reads releases.latest.integration.
func (d *decoder) releases(s *Stream) func(*yaml.Node, string) error {
	return d.nested("latest", d.nested("integration", d.stream(s)))
}

// resources reads what steps request of a node. What has another form is passed over: no image depends on it.
func (d *decoder) resources(requests *map[string]map[string]string) func(*yaml.Node, string) error {
	return func(node *yaml.Node, _ string) error {
		var steps map[string]struct{ Requests map[string]string }
		if err := node.Decode(&steps); err != nil {
			return nil
		}
		*requests = map[string]map[string]string{}
		for step, one := range steps {
			(*requests)[step] = one.Requests
		}
		return nil
	}
}

// nested reads one key of a mapping.
func (d *decoder) nested(key string, read func(*yaml.Node, string) error) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		return d.fields(node, path, map[string]func(*yaml.Node, string) error{key: read})
	}
}

// present notes that a field is there, whatever it says.
func (d *decoder) present(target *bool) func(*yaml.Node, string) error {
	return func(node *yaml.Node, _ string) error {
		*target = *target || !null(node)
		return nil
	}
}

func (d *decoder) reference(r *ImageRef) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		return d.fields(node, path, map[string]func(*yaml.Node, string) error{
			"namespace": d.text(&r.Namespace), "name": d.text(&r.Name), "tag": d.text(&r.Tag),
		})
	}
}

func (d *decoder) references(target *map[string]ImageRef) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		*target = map[string]ImageRef{}
		return d.entries(node, path, func(alias string, value *yaml.Node, path string) error {
			if strings.ContainsFunc(alias, notInName) {
				return d.at(value, path, "not the name of a tag")
			}
			var ref ImageRef
			if err := d.reference(&ref)(value, path); err != nil {
				return err
			}
			for _, part := range []string{ref.Namespace, ref.Name, ref.Tag} {
				if strings.ContainsFunc(part, notInName) {
					return d.at(value, path, "%q is not the name of an image stream or a tag", part)
				}
			}
			(*target)[alias] = ref
			return nil
		})
	}
}

func (d *decoder) external(target *map[string]string) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		*target = map[string]string{}
		return d.entries(node, path, func(alias string, value *yaml.Node, path string) error {
			if strings.ContainsFunc(alias, notInName) {
				return d.at(value, path, "not the name of a tag")
			}
			var registry string
			var ref ImageRef
			err := d.fields(value, path, map[string]func(*yaml.Node, string) error{
				"registry": d.text(&registry), "namespace": d.text(&ref.Namespace), "name": d.text(&ref.Name),
				"tag": d.text(&ref.Tag),
			})
			if err == nil && (ref.check() != nil || strings.ContainsFunc(registry,
				func(c rune) bool { return notInName(c) && c != ':' })) {
				err = d.at(value, path, "%q is not the pull spec of an image", registry+"/"+ref.String())
			}
			(*target)[alias] = registry + "/" + ref.String()
			return err
		})
	}
}

func (d *decoder) buildRoot(target **BuildRoot) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		if null(node) {
			return nil
		}
		var root BuildRoot
		*target = &root
		return d.fields(node, path, map[string]func(*yaml.Node, string) error{
			"image_stream_tag": d.reference(&root.ImageStreamTag),
			"from_repository":  d.truth(&root.FromRepository),
			"project_image": func(node *yaml.Node, path string) error {
				root.ProjectImage = &Image{To: "root"}
				return d.image(root.ProjectImage)(node, path)
			},
		})
	}
}

func (d *decoder) operator(target *[]string) func(*yaml.Node, string) error {
	return d.nested("bundles", func(node *yaml.Node, path string) error {
		return d.items(node, path, func(value *yaml.Node, path string) error {
			var name string
			err := d.nested("as", d.text(&name))(value, path)
			*target = append(*target, name)
			return err
		})
	})
}
