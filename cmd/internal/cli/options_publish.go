package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// publishOptions are what the commands have in common that make a payload.
type publishOptions struct {
	jobOptions
	after  upgradeOptions
	engine engineOptions
}

func (o *publishOptions) applyBuild(flags *pflag.FlagSet) {
	o.build.apply(flags)
	flags.BoolVar(&o.keepGoing, "keep-going", false,
		"keep going when a component fails: it stays as it was in the payload, and the exit code says so")
	o.registry.applyPush(flags)
	o.after.apply(flags)
	o.engine.apply(flags)
	o.kube.applyNamespace(flags, "of the run, with --engine tekton")
	o.output.apply(flags, "text or name (the pull spec), "+structured)
	o.output.applyProgress(flags)
}

// checkBuild refuses flags that can be seen to be wrong.
func (o *publishOptions) checkBuild() error {
	if err := errors.Join(o.build.check(), o.output.check("name"), o.recipe.checkLimits()); err != nil {
		return err
	}
	if err := o.checkTarget(); err != nil {
		return err
	}
	return o.checkEngine()
}

// checkTarget refuses a payload that goes nowhere, or where none can.
func (o *publishOptions) checkTarget() error {
	if o.to == "" {
		return fault.New(fault.Usage,
			"Name where the new payload goes, such as --to-image quay.io/me/okd-release:mine; `oc rebuild plan` needs none.",
			errors.New("--to-image is missing"))
	}
	return o.target().ValidateNames()
}

// target says where images and payload go, for a plan that says the rest.
func (o *publishOptions) target() plan.Request {
	return plan.Request{To: strings.TrimSuffix(o.to, ":"), ToRepository: o.toRepository, Name: o.name}
}

// publish makes a payload, prints it, and goes on with it as the flags say.
func (o *publishOptions) publish(ctx context.Context, streams Streams,
	do func(rebuild.Lanes) (*rebuild.Result, error)) error {
	var result *rebuild.Result
	var failed error // what is not in the payload, which is there all the same
	err := o.withLanes(streams, func(lanes rebuild.Lanes) (err error) {
		if result, err = do(lanes); result != nil {
			failed, err = err, nil
		}
		return err
	}, func() error {
		if err := o.print(streams, result); err != nil {
			return err
		}
		if !o.output.isQuiet() {
			if o.all {
				streams.notice(display.Cut(outcomes(result, image.Failures(failed)), display.Width(streams.Err)))
			}
			streams.notice(summary(result))
		}
		if len(result.Left) > 0 && !o.all {
			streams.notice("As they were: " + plain.Line(strings.Join(result.Left, ", ")))
		}
		images := []string{result.Release.Image}
		for _, component := range result.Components {
			images = append(images, component.Image)
		}
		return o.after.carryOn(ctx, streams, &o.jobOptions, images...)
	})
	if result == nil {
		err = errors.Join(err, o.output.failed(ctx, streams, err))
	}
	return fault.Join(failed, err)
}

// print writes the digest pull spec, or the whole result.
func (o *publishOptions) print(streams Streams, result *rebuild.Result) error {
	if o.output.isStructured() {
		return o.output.print(streams.Out, result)
	}
	if _, err := fmt.Fprintln(streams.Out, result.Release.Image); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// outcomes lists what became of each component: built, found where it was built before, failed or left as it was.
func outcomes(result *rebuild.Result, failures []*image.Failure) string {
	type outcome struct{ name, what, seconds, detail string }
	var all []outcome
	for _, component := range result.Components {
		one := outcome{progress.Label(component.Name, component.Platform), "from cache", "", component.Image}
		if component.Log != "" {
			one.what, one.seconds = "built", fmt.Sprintf("%.1f s", component.Seconds[string(progress.Build)])
		}
		all = append(all, one)
	}
	for _, name := range result.Left {
		one := outcome{name: name, what: "left",
			detail: strings.TrimPrefix(result.Problems[name], fmt.Sprintf("component %q: ", name))}
		for _, failure := range failures {
			if failure.Component == name {
				one.what, one.detail = "failed", failure.Log
			}
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b outcome) int { return strings.Compare(a.name, b.name) })
	t := display.NewTable(display.Wide)
	t.Row("COMPONENT", "RESULT", "TIME", "IMAGE, LOG OR REASON")
	for _, one := range all {
		t.Row(one.name, one.what, one.seconds, one.detail)
	}
	return strings.TrimSuffix(t.Trimmed(), "\n")
}

// summary says in a line what was built, what was there already, and where the time went. Stages that take no time
// worth a word are left out; those of several components are added up.
func summary(result *rebuild.Result) string {
	built := 0
	spent := maps.Clone(result.Seconds)
	for _, component := range result.Components {
		if component.Log != "" {
			built++
		}
		for stage, seconds := range component.Seconds {
			spent[stage] += seconds
		}
	}
	var parts []string
	for _, stage := range []progress.Stage{progress.Resolve, progress.Fetch, progress.Pull, progress.Build,
		progress.Push, progress.Assemble, progress.Publish} {
		if seconds := spent[string(stage)]; seconds >= 0.1 {
			parts = append(parts, fmt.Sprintf("%s %.1f s", stage, seconds))
		}
	}
	text := fmt.Sprintf("Built %d of %d images; what else is needed was there; %.1f s", built,
		len(result.Components), spent["total"])
	if built == len(result.Components) {
		text = fmt.Sprintf("Built %d images in %.1f s", built, spent["total"])
		if built == 1 {
			text = fmt.Sprintf("Built the image in %.1f s", spent["total"])
		}
	}
	if len(parts) > 0 {
		text += " (" + strings.Join(parts, ", ") + ")"
	}
	return text
}
