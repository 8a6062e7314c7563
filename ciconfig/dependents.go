package ciconfig

// PayloadTags lists the payload's names of the images that an image is built on, sorted: base images that belong to
// the payload's stream and siblings that are promoted to it, directly or through other pipeline images. It goes by
// the config alone; what only a Dockerfile names is not among them. Images that cannot be built outside CI are
// followed too, for the answer is about what CI does.
func (c *Config) PayloadTags(image string, stream Stream) ([]string, error) {
	graph, err := c.Graph()
	if err != nil {
		return nil, err
	}
	if _, ok := graph.Step(image); !ok {
		return nil, c.unknownTag(image)
	}
	promoted := map[string]string{} // pipeline tag to the payload's name
	for _, one := range c.Promotes("") {
		if tag, held := stream.Holds(one.To); held {
			promoted[one.Image] = tag
		}
	}
	tags, seen := map[string]bool{}, map[string]bool{image: true}
	for queue := []string{image}; len(queue) > 0; queue = queue[1:] {
		for _, need := range graph.named(queue[0]) {
			if seen[need] {
				continue
			}
			seen[need] = true
			queue = append(queue, need)
			if tag, held := stream.Holds(graph.steps[need].Base); held {
				tags[tag] = true
			}
			if tag := promoted[need]; tag != "" {
				tags[tag] = true
			}
		}
	}
	delete(tags, promoted[image])
	return sortedKeys(tags), nil
}

// named lists the pipeline tags that a step names, known or not.
func (g *Graph) named(tag string) []string {
	step := g.steps[tag]
	var list []string
	if step.From != "" {
		list = append(list, step.From)
	}
	if step.Image != nil {
		for _, input := range step.Image.Inputs {
			if g.config.uses(input) {
				list = append(list, input.Image)
			}
		}
	}
	return list
}
