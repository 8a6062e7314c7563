package ciconfig

import "gopkg.in/yaml.v3"

// rawSteps reads raw_steps: a list of mappings, of one key each that says what kind of step it is.
func (d *decoder) rawSteps(target *[]Step) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		return d.items(node, path, func(value *yaml.Node, path string) error {
			return d.entries(value, path, func(kind string, value *yaml.Node, path string) error {
				step, err := d.rawStep(kind, value, path)
				*target = append(*target, step)
				return err
			})
		})
	}
}

// rawStep reads one step of a kind. Kinds that are not known keep their name alone, for the message that refuses them.
func (d *decoder) rawStep(kind string, node *yaml.Node, path string) (Step, error) {
	step := Step{Type: kind}
	known := map[string]func(*yaml.Node, string) error{"from": d.text(&step.From), "to": d.text(&step.To)}
	switch kind {
	case "pipeline_image_cache_step":
		step.Kind = StepCache
		known["commands"] = d.text(&step.Commands)
	case "rpm_image_injection_step":
		step.Kind = StepRPMInject
	case "rpm_serve_step":
		step.Kind = StepRPMServe
	case "source_step":
		step.Kind = StepSource
	case "output_image_tag_step":
		step.Kind = StepOutput
		known["optional"] = d.truth(&step.Optional)
		known["to"] = d.output(&step.To)
	case "input_image_tag_step":
		step.Kind = StepInput
		known["base_image"] = d.reference(&step.Base)
	case "project_directory_image_build_step":
		step.Kind, step.Image = StepImage, &Image{}
		err := d.image(step.Image)(node, path)
		step.To, step.From, step.Optional = step.Image.To, step.Image.From, step.Image.Optional
		return step, err
	default:
		step.Kind = StepOther
		known = map[string]func(*yaml.Node, string) error{"to": func(node *yaml.Node, _ string) error {
			if node.Kind == yaml.ScalarNode {
				step.To = node.Value
			}
			return nil
		}}
	}
	return step, d.fields(node, path, known)
}

// output reads where an image is tagged: [NAMESPACE/]NAME:TAG.
func (d *decoder) output(target *string) func(*yaml.Node, string) error {
	return func(node *yaml.Node, path string) error {
		var to ImageRef
		err := d.reference(&to)(node, path)
		if *target = to.Name + ":" + to.Tag; to.Namespace != "" {
			*target = to.Namespace + "/" + *target
		}
		return err
	}
}
