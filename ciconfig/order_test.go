package ciconfig_test

import (
	"slices"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
)

// order lists what is made for pipeline tags, inputs left out, everything after what it needs. There must be no circle.
func order(graph *ciconfig.Graph, tags ...string) (made []string, err error) {
	for _, tag := range tags {
		needs, err := graph.Needs(tag)
		if err != nil {
			return nil, err
		}
		before, err := order(graph, needs...)
		if err != nil {
			return nil, err
		}
		if step, _ := graph.Step(tag); step.Kind != ciconfig.StepInput {
			before = append(before, tag)
		}
		for _, one := range before {
			if !slices.Contains(made, one) {
				made = append(made, one)
			}
		}
	}
	return made, nil
}
