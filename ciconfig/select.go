package ciconfig

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Select finds the image for a query in one config that somebody chose: the one named by --config-image, else the one
// that is promoted as the payload's component to its stream, else the only one that is promoted under that name
// anywhere, else the one of that name. Where none fits it returns an error of class Unresolved that lists the images.
func (c *Config) Select(query Query) (Match, error) {
	match := Match{Metadata: c.Metadata, Path: c.Name, Origin: c.Name, Config: c}
	if query.Image != "" {
		if step, ok := c.step(query.Image); !ok || step.Kind == StepInput {
			return Match{}, c.unknownTag(query.Image)
		}
		match.Image, match.Reason = query.Image, "--config-image chooses it"
		return match, nil
	}
	for _, stream := range query.Stream.Candidates() {
		if found, ok := c.promotesTo(stream.Tag(query.Tag)); ok {
			match.Image, match.To = found.Image, found.To
			match.Reason = "it promotes " + found.To.String()
			return match, nil
		}
	}
	var tags []string
	for _, one := range c.Promotes("") {
		if (one.To.Tag == query.Tag || one.To.Name == query.Tag) && !slices.Contains(tags, one.Image) {
			tags, match.To = append(tags, one.Image), one.To
		}
	}
	switch _, named := c.step(query.Tag); {
	case len(tags) == 1:
		match.Image, match.Reason = tags[0], "it promotes "+match.To.String()+", though not to the payload's stream"
	case len(tags) == 0 && named && slices.Contains(c.imageNames(), query.Tag):
		match.Image, match.Reason = query.Tag, "it has an image of that name, though it is not promoted"
	default:
		return Match{}, fault.New(fault.Unresolved, "choose with --config-image NAME",
			fmt.Errorf("%s: which image is the component %q? It has: %s", c.Name, query.Tag,
				strings.Join(c.imageNames(), ", ")))
	}
	return match, nil
}
