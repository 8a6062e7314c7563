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

func (d *decoder) rawStep(kind string, node *yaml.Node, path string) (Step, error) {
	step := Step{Kind: StepOther, Type: kind}
	both := map[string]func(*yaml.Node, string) error{"from": d.text(&step.From), "to": d.text(&step.To)}
	switch kind {
	case "pipeline_image_cache_step":
		step.Kind = StepCache
		both["commands"] = d.text(&step.Commands)
	case "rpm_image_injection_step":
		step.Kind = StepRPMInject
	case "rpm_serve_step":
		step.Kind = StepRPMServe
	case "source_step":
		step.Kind = StepSource
	case "output_image_tag_step":
		step.Kind = StepOutput
		both["optional"] = d.truth(&step.Optional)
		both["to"] = func(node *yaml.Node, path string) error {
			var to ImageRef
			err := d.reference(&to)(node, path)
			if step.To = to.Name + ":" + to.Tag; to.Namespace != "" {
				step.To = to.Namespace + "/" + step.To
			}
			return err
		}
	case "input_image_tag_step":
		step.Kind = StepInput
		both["base_image"] = d.reference(&step.Base)
	case "project_directory_image_build_step":
		step.Kind = StepImage
		step.Image = &Image{}
		if err := d.image(step.Image)(node, path); err != nil {
			return step, err
		}
		step.To, step.From, step.Optional = step.Image.To, step.Image.From, step.Image.Optional
		return step, nil
	default:
		both = map[string]func(*yaml.Node, string) error{} // whatever it holds, it is refused if an image needs it
		var to string
		both["to"] = func(node *yaml.Node, path string) error {
			if node.Kind == yaml.ScalarNode {
				return d.text(&to)(node, path)
			}
			return nil
		}
		err := d.fields(node, path, both)
		step.To = to
		return step, err
	}
	return step, d.fields(node, path, both)
}
