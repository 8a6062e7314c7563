package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/internal/regular"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/tekton"
)

// cancelling is how long the pods of a cancelled run are waited for.
const cancelling = time.Minute

// onCluster carries out on a cluster what pushed plans, for one platform or several. Plans that are in no registry yet
// are pushed to a repository.
func (o *publishOptions) onCluster(ctx context.Context, streams Streams,
	pushed func(repository string) ([]tekton.Lane, error)) error {
	options, err := o.engine.options()
	if err != nil {
		return err
	}
	var target *tekton.Cluster
	if options.Namespace = o.kube.namespace; !o.output.isStructured() {
		api, err := o.kube.connect()
		if err != nil {
			return err
		}
		target, options.Namespace = &tekton.Cluster{API: api}, api.Namespace
		if err := target.Check(ctx, !o.engine.noWait); err != nil {
			return err
		}
	}
	options.To, options.Jobs, options.KeepGoing = o.target(), o.build.jobs, o.keepGoing
	lanes, err := pushed(options.To.Repository())
	if err != nil {
		return err
	}
	var plans []*plan.Plan
	for _, lane := range lanes {
		plans = append(plans, lane.Plan)
	}
	for _, warning := range plan.Warnings(plans...) {
		streams.notice("warning: " + plain.Line(warning))
	}
	if o.registry.SignaturePolicy != "" { // a default: who typed it was refused
		streams.notice("warning: the default for --signature-policy counts on this machine alone, and not in the pods")
	}
	options.Name = "rebuild-" + strings.ToLower(rand.Text()[:8])
	options.Flags, options.PublishFlags = o.flags(options.To)
	if err := o.giveFiles(&options); err != nil {
		return err
	}
	objects, err := tekton.Make(lanes, options)
	if err != nil {
		return err
	}
	if o.output.isStructured() {
		return o.printObjects(streams.Out, objects.All())
	}
	if err := target.Start(ctx, objects); err != nil {
		if ctx.Err() != nil { // it may have been created all the same
			o.cancel(ctx, streams, target, options.Name)
		}
		return err
	}
	if o.engine.noWait {
		return display.Line(streams.Out, options.Name)
	}
	if !o.output.isQuiet() {
		streams.notice(fmt.Sprintf("Run %s in namespace %s; `oc rebuild follow %s` shows it from elsewhere",
			options.Name, options.Namespace, options.Name))
	}
	return o.followed(ctx, streams, target, options.Name, lanes)
}

// followed shows a run until its end, cancels it where the user ends it, and prints the payload.
func (o *publishOptions) followed(ctx context.Context, streams Streams, target *tekton.Cluster, name string,
	lanes []tekton.Lane) error {
	made, err := o.show(ctx, streams, target, name)
	if ctx.Err() != nil {
		o.cancel(ctx, streams, target, name)
		return err
	}
	if made == nil {
		return err
	}
	return errors.Join(err, o.printMade(ctx, streams, made, lanes))
}

// show shows a run until its end.
func (o *publishOptions) show(ctx context.Context, streams Streams, target *tekton.Cluster,
	name string) (*tekton.Outcome, error) {
	listener, finish := o.output.progress(streams)
	defer finish()
	return target.Follow(ctx, name, display.Read, listener)
}

// cancel ends a run whose user has ended this program. The user must hear where that fails: the run goes on, and
// publishes its payload.
func (o *publishOptions) cancel(ctx context.Context, streams Streams, target *tekton.Cluster, name string) {
	streams.notice("Cancelling run " + name)
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelling)
	defer stop()
	if err := target.Cancel(ending, name); err != nil && !errors.Is(err, cluster.ErrNotFound) {
		streams.notice(plain.Line(fmt.Sprintf("Run %s may go on, it could not be cancelled: %v", name, err)))
		streams.notice(fmt.Sprintf("  `oc rebuild follow %s --cancel` tries again.", name))
	}
}

// printMade prints the payload that a run made, and goes on with it as the flags say.
func (o *publishOptions) printMade(ctx context.Context, streams Streams, made *tekton.Outcome,
	lanes []tekton.Lane) error {
	result := resultOf(made, lanes)
	if err := o.print(streams, result); err != nil {
		return err
	}
	if len(result.Left) > 0 {
		streams.notice("As they were: " + plain.Line(strings.Join(result.Left, ", ")))
	}
	if !o.output.isQuiet() {
		streams.notice(fmt.Sprintf("Made %d images and the payload on the cluster in %.0f s",
			len(made.Components), made.Seconds))
	}
	images := []string{made.Payload}
	for _, component := range made.Components {
		images = append(images, component.Image)
	}
	return o.after.carryOn(ctx, streams, &o.jobOptions, images...)
}

// resultOf is the result of a run, with what the plans say of the source, where they are at hand.
func resultOf(made *tekton.Outcome, lanes []tekton.Lane) *rebuild.Result {
	_, sum := registry.SplitDigest(made.Payload)
	result := &rebuild.Result{
		Release: rebuild.ResultRelease{Image: made.Payload, Digest: sum}, Left: made.Left,
		Seconds: map[string]float64{"total": made.Seconds},
	}
	for _, one := range made.Components {
		_, sum := registry.SplitDigest(one.Image)
		component := rebuild.ResultComponent{Name: one.Name, Image: one.Image, Digest: sum, Platform: one.Platform,
			Seconds: map[string]float64{"total": one.Seconds}}
		for _, lane := range lanes {
			for _, c := range lane.Plan.Components {
				if c.Name == one.Name {
					component.Repository, component.Commit = c.Source.Repository, c.Source.Commit
				}
			}
		}
		result.Components = append(result.Components, component)
	}
	return result
}

// flags returns those of the program in a pod: for components, and for the payload.
func (o *publishOptions) flags(to plan.Request) (building, publishing []string) {
	var both []string
	if o.registry.Insecure {
		both = append(both, "--insecure")
	}
	isolation := o.build.isolation
	if !o.engine.flags.Changed("isolation") {
		isolation = isolationAuto // a default is for this machine
	}
	building = append(both[:len(both):len(both)], "--isolation", isolation, "--network", o.build.network,
		"--compression", o.build.compression,
		"--source-limits", strconv.Itoa(o.recipe.sourceLimits))
	if o.build.noCache {
		building = append(building, "--no-cache")
	} else if o.build.results != "" {
		building = append(building, "--results", o.build.results)
	} else {
		building = append(building, "--results", to.Repository())
	}
	publishing = append(both[:len(both):len(both)], "--to-image", to.To)
	if to.ToRepository != "" {
		publishing = append(publishing, "--to-repository", to.ToRepository)
	}
	if to.Name != "" {
		publishing = append(publishing, "--name", to.Name)
	}
	return building, publishing
}

// giveFiles gives pods the files of this machine that say how registries are reached.
func (o *publishOptions) giveFiles(options *tekton.Options) error {
	options.Files = map[string]string{}
	add := func(flag, path, name string) error {
		data, err := regular.Read(path, maxInput)
		if err == nil && !utf8.Valid(data) {
			err = errors.New("it is not text")
		}
		if err != nil {
			return fault.Errorf(fault.Usage, "%s %q: %w", flag, path, err)
		}
		options.Files[name] = string(data)
		for _, flags := range []*[]string{&options.Flags, &options.PublishFlags} {
			*flags = append(slices.Clone(*flags), flag, tekton.FilesDirectory+"/"+name)
		}
		return nil
	}
	if path := o.registry.CertificateAuthority; path != "" {
		if err := add("--certificate-authority", path, "ca.crt"); err != nil {
			return err
		}
	}
	for i, path := range o.registry.MirrorFiles {
		if err := add("--idms-file", path, fmt.Sprintf("mirrors-%d.yaml", i+1)); err != nil {
			return err
		}
	}
	return nil
}

// printObjects writes the objects for `kubectl apply`.
func (o *publishOptions) printObjects(out io.Writer, objects []any) error {
	if o.output.format != "yaml" {
		return o.output.print(out, map[string]any{"apiVersion": "v1", "kind": "List", "items": objects})
	}
	for _, object := range objects {
		if err := display.Line(out, "---"); err != nil {
			return err
		}
		if err := o.output.print(out, object); err != nil {
			return err
		}
	}
	return nil
}
