package ciconfig

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Override is what a user says about a recipe: --context-dir, --dockerfile and --build-arg.
type Override struct {
	ContextDir string // "" leaves the config's
	Dockerfile string // relative to the context directory; "" leaves the config's
	BuildArgs  []Arg  // win over the config's of the same name
}

// With returns the recipe with what the user says. Paths that lead out of the repository are an error of class Usage.
func (r Recipe) With(o Override) (Recipe, error) {
	image := Image{ContextDir: r.ContextDir, Dockerfile: r.Dockerfile, Literal: r.Literal,
		BuildArgs: slices.Clone(r.BuildArgs),
		Inputs:    r.Inputs}
	if o.ContextDir != "" {
		image.ContextDir = o.ContextDir
	}
	if o.Dockerfile != "" {
		image.Dockerfile, image.Literal = o.Dockerfile, ""
	}
	for _, arg := range o.BuildArgs {
		at := slices.IndexFunc(image.BuildArgs, func(known Arg) bool { return known.Name == arg.Name })
		if at < 0 {
			image.BuildArgs = append(image.BuildArgs, arg)
		} else {
			image.BuildArgs[at] = arg
		}
	}
	if r.Kind != StepImage { // what is made of a few lines of shell takes arguments alone
		r.BuildArgs = image.BuildArgs
		return r, nil
	}
	if r.fill(image) != nil { // what the config says is well
		var said []string
		if o.ContextDir != "" {
			said = append(said, fmt.Sprintf("--context-dir %q", o.ContextDir))
		}
		if o.Dockerfile != "" {
			said = append(said, fmt.Sprintf("--dockerfile %q", o.Dockerfile))
		}
		return Recipe{}, fault.Errorf(fault.Usage, "%s: not inside the repository (context directory %q, Dockerfile %q)",
			strings.Join(said, ", "), image.ContextDir, image.Dockerfile)
	}
	return r, nil
}
