package ciconfig

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// defaultRPMLocation is where CI expects RPMs after rpm_build_commands.
const defaultRPMLocation = "_output/local/releases/rpms/"

// Steps lists the build graph that CI derives from the config, before it looks at any Dockerfile.
func (c *Config) Steps() []Step {
	var steps []Step
	for _, alias := range sortedKeys(c.BaseImages) {
		steps = append(steps, Step{Kind: StepInput, To: alias, Base: c.BaseImages[alias]})
	}
	for _, alias := range sortedKeys(c.BaseRPMImages) {
		plain := alias + "-without-rpms"
		steps = append(steps, Step{Kind: StepInput, To: plain, Base: c.BaseRPMImages[alias]},
			Step{Kind: StepRPMInject, From: plain, To: alias})
	}
	for _, alias := range sortedKeys(c.ExternalImages) {
		steps = append(steps, Step{Kind: StepInput, To: alias, Pullspec: c.ExternalImages[alias]})
	}
	steps = append(steps, c.sourceSteps()...)
	for i := range c.Images {
		image := &c.Images[i]
		steps = append(steps, Step{Kind: StepImage, To: image.To, From: image.From, Image: image,
			Optional: image.Optional},
			Step{Kind: StepOutput, From: image.To, To: "stable:" + image.To, Optional: image.Optional})
	}
	return append(steps, c.RawSteps...)
}

// sourceSteps lists the build root and what is compiled on top of it.
func (c *Config) sourceSteps() []Step {
	var steps []Step
	if root := c.BuildRoot; root != nil {
		if root.ProjectImage != nil {
			steps = append(steps, Step{Kind: StepImage, To: "root", Image: root.ProjectImage})
		} else {
			steps = append(steps, Step{Kind: StepInput, To: "root", Base: root.ImageStreamTag})
		}
		steps = append(steps, Step{Kind: StepSource, To: "src", From: "root"})
	}
	if c.BinaryCommands != "" {
		steps = append(steps, Step{Kind: StepCache, From: "src", To: "bin", Commands: c.BinaryCommands})
	}
	if c.TestCommands != "" {
		steps = append(steps, Step{Kind: StepCache, From: "src", To: "test-bin", Commands: c.TestCommands})
	}
	if c.RPMCommands != "" {
		from, location := "src", c.RPMLocation
		if c.BinaryCommands != "" {
			from = "bin"
		}
		if location == "" {
			location = defaultRPMLocation
		}
		commands := c.RPMCommands + "; ln -s $( pwd )/" + location + " /srv/repo"
		steps = append(steps, Step{Kind: StepCache, From: from, To: "rpms", Commands: commands},
			Step{Kind: StepRPMServe, From: "rpms"})
	}
	return steps
}

// WorkDir is where CI keeps the repository in src: /go/src/ and the import path.
func (c *Config) WorkDir() string {
	repository := c.CanonicalGoRepo
	if repository == "" {
		repository = path.Join("github.com", c.Metadata.Org, c.Metadata.Repo)
	}
	return path.Join("/go/src", repository)
}

// step returns the step that makes a pipeline tag.
func (c *Config) step(tag string) (Step, bool) {
	for _, step := range c.Steps() {
		if step.To == tag && step.Kind != StepOutput && step.Kind != StepRPMServe {
			return step, true
		}
	}
	return Step{}, false
}

// Graph tells which pipeline images are built from which.
type Graph struct {
	config *Config
	steps  map[string]Step
}

// Graph returns the graph of the config. Two steps that make the same tag are an error.
func (c *Config) Graph() (*Graph, error) {
	g := &Graph{config: c, steps: map[string]Step{}}
	for _, step := range c.Steps() {
		if step.Kind == StepOutput || step.Kind == StepRPMServe || step.To == "" {
			continue
		}
		if _, twice := g.steps[step.To]; twice {
			return nil, fault.Errorf(fault.Unresolved, "%s: two steps make the pipeline image %q", c.Name, step.To)
		}
		g.steps[step.To] = step
	}
	return g, nil
}

// Step returns the step that makes a pipeline tag.
func (g *Graph) Step(tag string) (Step, bool) {
	step, ok := g.steps[tag]
	return step, ok
}

// Needs lists the pipeline tags that one is made from, sorted. The repository itself is not among them: an image that
// takes nothing from src but its build context is built from the checkout. An unknown tag, and one that cannot be
// made outside CI, is an error of class Unresolved that names it.
func (g *Graph) Needs(tag string) ([]string, error) {
	step, ok := g.steps[tag]
	if !ok {
		return nil, g.config.unknownTag(tag)
	}
	if err := g.config.refuse(step); err != nil {
		return nil, err
	}
	list := g.named(tag)
	slices.Sort(list)
	list = slices.Compact(list)
	for _, need := range list {
		if _, ok := g.steps[need]; !ok {
			return nil, fmt.Errorf("the image %q: %w", tag, g.config.unknownTag(need))
		}
	}
	return list, nil
}

// uses reports whether an image cannot be built without one of its inputs: files that lie in the checkout need no src
// image.
func (c *Config) uses(input Input) bool {
	if len(input.As) > 0 {
		return true
	}
	for _, one := range input.Paths {
		if _, ok := c.inCheckout(input.Image, one.Source); !ok {
			return true
		}
	}
	return false
}

// inCheckout returns the path in the checkout that a path of the src image stands for. A trailing /. is kept.
func (c *Config) inCheckout(image, source string) (string, bool) {
	if image != "src" {
		return "", false
	}
	inside, ok := strings.CutPrefix(path.Clean(source)+"/", c.WorkDir()+"/")
	if !ok {
		return "", false
	}
	inside = strings.TrimSuffix(inside, "/")
	if strings.HasSuffix(source, "/.") || inside == "" {
		return path.Join(".", inside) + "/.", true
	}
	return inside, true
}

// unknownTag is the error for a pipeline tag that nothing makes.
func (c *Config) unknownTag(tag string) error {
	if isReserved(tag) || slices.Contains(c.Bundles, tag) {
		return fault.Errorf(fault.Unresolved,
			"%s: %q is an operator bundle or an index of bundles: not built by this program", c.Name, tag)
	}
	return fault.New(fault.Unresolved, "--config-image chooses one of: "+strings.Join(c.imageNames(), ", "),
		fmt.Errorf("%s: %q is neither an imported nor a built image", c.Name, tag))
}

// refuse names what cannot be made outside CI.
func (c *Config) refuse(step Step) error {
	why := ""
	switch {
	case step.Kind == StepRPMInject:
		why = "needs RPMs that CI serves over HTTP inside its cluster (rpm_image_injection_step or base_rpm_images)"
	case step.Kind == StepOther:
		why = fmt.Sprintf("is made by a %q", step.Type)
	case c.MultiRef || step.Image != nil && step.Image.Ref != "":
		why = "is built from several repositories at once (multi-ref)"
	default:
		return nil
	}
	return fault.New(fault.Unresolved, "swap in an image that exists already with --image COMPONENT=PULLSPEC",
		fmt.Errorf("%s: the pipeline image %q %s: not supported", c.Name, step.To, why))
}

// imageNames lists the images that a config builds from Dockerfiles.
func (c *Config) imageNames() []string {
	var names []string
	for _, step := range c.Steps() {
		if step.Kind == StepImage && step.To != "root" {
			names = append(names, step.To)
		}
	}
	return names
}
