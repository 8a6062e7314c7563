package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

const componentLong = `Build and push one component of a plan that oc rebuild plan wrote. The last line of output is its pull spec by digest.

This lets several machines carry out a plan, as a pipeline engine does: each component by itself, after those it is built on, whose
images are passed as NAME=PULLSPEC; then "oc rebuild assemble". The payload is the same as "oc rebuild apply" makes.

NAME=left says that a component could not be built: what is built on it cannot be either, and "oc rebuild assemble" leaves it as it was.`

const componentExample = `  # Build on two machines, then assemble the payload
  oc rebuild component cli --plan plan.json --to-repository quay.io/me/okd
  oc rebuild component tools cli=quay.io/me/okd@sha256:… \
    --plan plan.json --to-repository quay.io/me/okd
  oc rebuild assemble cli=quay.io/me/okd@sha256:… tools=quay.io/me/okd@sha256:… \
    --plan plan.json --to-image quay.io/me/okd:new`

// partOptions are what the commands have in common that carry out a part of a plan.
type partOptions struct {
	publishOptions
	plan       string
	resultFile string
}

func (o *partOptions) applyPlan(command *cobra.Command) {
	command.Flags().StringVar(&o.plan, "plan", "",
		"`FILE` with the plan in json or yaml, - for standard input, or its pull spec by digest")
	command.Flags().StringVar(&o.resultFile, "result-file", "",
		"also write the pull spec to this `FILE`, without a newline, as pipelines expect results")
}

// keep writes a pull spec to where --result-file says.
func (o *partOptions) keep(pullSpec string) error {
	if o.resultFile == "" {
		return nil
	}
	if err := os.WriteFile(o.resultFile, []byte(pullSpec), 0o644); err != nil {
		return fmt.Errorf("--result-file: %w", err)
	}
	return nil
}

// read reads the plan and the images of components that are given.
func (o *partOptions) read(ctx context.Context, streams Streams, given []string) (*plan.Plan,
	map[string][]string, error) {
	if o.plan == "" {
		return nil, nil, fault.New(fault.Usage, "`oc rebuild plan … -o json` writes one.",
			errors.New("--plan is missing"))
	}
	images := map[string][]string{}
	for _, argument := range given {
		target, err := plan.ParseTarget(argument)
		if err == nil && target.Source == "" {
			err = fault.Errorf(fault.Usage, "argument %q: want NAME=PULLSPEC", argument)
		}
		if err == nil && target.Source != plan.Left &&
			slices.Contains(images[target.Name], target.Source) {
			err = fault.Errorf(fault.Usage, "component %q is given %s twice", target.Name, target.Source)
		}
		if err != nil {
			return nil, nil, err
		}
		images[target.Name] = append(images[target.Name], target.Source)
	}
	planned, err := o.readPlan(ctx, streams, o.plan)
	return planned, images, err
}

func newComponent(streams Streams) *cobra.Command {
	var o partOptions
	command := &cobra.Command{
		Use:     "component NAME [NAME=PULLSPEC]... --plan PLAN --to-repository REPOSITORY",
		Short:   "Build one component of a saved plan",
		Long:    componentLong,
		Example: componentExample,
		Args:    usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(command *cobra.Command, args []string) error {
			return runComponent(command.Context(), streams, &o, args)
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.toRepository, "to-repository", "", "`repository` for the image")
	o.applyPlan(command)
	flags.BoolVar(&o.keepGoing, "keep-going", false,
		"if the image cannot be built, write \"left\" to --result-file, which later parts take in place of a pull spec")
	applyCacheDir(flags, &o.cacheDir)
	o.registry.apply(flags)
	o.registry.applyPush(flags)
	o.build.apply(flags)
	o.recipe.applyLimits(flags)
	o.output.apply(flags, "text or name (the pull spec), "+structured)
	o.output.applyProgress(flags)
	return command
}

func runComponent(ctx context.Context, streams Streams, o *partOptions, args []string) (err error) {
	defer func() { // whatever went wrong, or what waits for the result has none
		if err != nil && o.keepGoing && ctx.Err() == nil {
			err = errors.Join(err, o.keep(plan.Left))
		}
	}()
	if o.toRepository == "" {
		return fault.New(fault.Usage, "Name where the image goes, such as --to-repository quay.io/me/images.",
			errors.New("--to-repository is missing"))
	}
	if err := errors.Join(o.build.check(), o.output.check("name")); err != nil {
		return err
	}
	if err := builder.EnterUserNamespace(ctx); err != nil {
		return err
	}
	planned, given, err := o.read(ctx, streams, args[1:])
	if err != nil {
		return err
	}
	images := map[string]string{}
	for component, pullSpecs := range given {
		if len(pullSpecs) > 1 {
			return fault.Errorf(fault.Usage, "component %q is given twice", component)
		}
		images[component] = pullSpecs[0]
	}
	return withScratch(ctx, streams, o.output, func() error {
		var result *rebuild.Result
		return o.with(streams, func(job *rebuild.Job) (err error) {
			result, err = job.Part(ctx, planned, args[0], o.toRepository, images)
			return err
		}, func() error {
			if err := o.keep(result.Components[0].Image); err != nil {
				return err
			}
			if o.output.isStructured() {
				return o.output.print(streams.Out, result.Components[0])
			}
			return display.Line(streams.Out, result.Components[0].Image)
		})
	})
}
