package ciconfig

import "gopkg.in/yaml.v3"

// promotion reads both schemas: targets under to, and until 2023 a single target in its place.
func (d *decoder) promotion(p *Promotion) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		var single Target
		known := d.target(&single)
		known["disable_build_cache"] = d.truth(&p.DisableBuildCache)
		known["to"] = func(node *yaml.Node, path string) error {
			return d.items(node, path, func(value *yaml.Node, path string) error {
				var target Target
				err := d.fields(value, path, d.target(&target))
				p.Targets = append(p.Targets, target)
				return err
			})
		}
		err := d.fields(node, path, known)
		if single.Namespace != "" || single.Name != "" || single.Tag != "" {
			p.Targets = append([]Target{single}, p.Targets...)
		}
		return err
	}
}

func (d *decoder) target(t *Target) map[string]func(*yaml.Node, string) error {
	return map[string]func(*yaml.Node, string) error{
		"namespace": d.text(&t.Namespace), "name": d.text(&t.Name), "tag": d.text(&t.Tag),
		"tag_by_commit": d.truth(&t.TagByCommit), "disabled": d.truth(&t.Disabled),
		"excluded_images": d.texts(&t.Excluded),
		"additional_images": func(node *yaml.Node, path string) error {
			t.Additional = map[string]string{}
			return d.entries(node, path, func(name string, value *yaml.Node, path string) error {
				var tag string
				err := d.text(&tag)(value, path)
				t.Additional[name] = tag
				return err
			})
		},
	}
}
