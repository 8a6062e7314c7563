package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/tekton"
)

const rebuildLong = `Rebuild components of an OKD or OpenShift release payload from source, and assemble a new payload with them.

The payload says which commit each component was built from; openshift/release says how CI builds it. The command fetches
the source, builds with buildah on this machine, pushes the images, and assembles a payload that differs from the old one only in them.
The digest pull spec of the new payload is the last line on standard output.

Without a COMPONENT, it rebuilds every component that the payload builds from the current working tree's repository, using the tree as
it is. Without =SOURCE, a component is built at the payload's own commit. SOURCE is ./DIR for a working tree as it is,
@REF for a branch, tag or commit, #N for a pull request, #N+#M for several, merged in this order onto the branch that CI builds (@REF+#N: onto another), ORG/REPO[@REF] or
URL[@REF] for a fork.

Exit codes: 0 done, 1 other failure, 2 usage, 3 an input cannot be resolved, 4 not authorised, 5 a build failed, 6 publishing failed,
130 interrupted, 141 nobody reads the output. With -o json or yaml, every command prints a failure in place of its result (except for wrong
flags): error, advice, exitCode, and failures, the Dockerfile steps that failed.`

const rebuildExample = `  # The machine-config-operator from a working tree, in a payload of your own
  oc rebuild machine-config-operator=../machine-config-operator \
    --from-release quay.io/okd/scos-release:4.17.0-okd-scos.0 \
    --to-image quay.io/me/okd-release:4.17-mco

  # Two components: one at the commit of the payload, one from a branch of a fork
  oc rebuild cluster-dns-operator machine-config-operator=me/machine-config-operator@fix \
    --from-release R --to-image T

  # Every component that changed since another payload, leaving out what cannot be built
  oc rebuild --all --only-changed-since R0 --keep-going --from-release R --to-image T

  # What a pull request would change, without building
  oc rebuild plan etcd=#42 --from-release R`

// rebuildOptions are the flags of the main job.
type rebuildOptions struct {
	publishOptions
	watch     bool
	selection rebuild.Selection // with --all
}

func newRebuild(streams Streams) *cobra.Command {
	var o rebuildOptions
	command := &cobra.Command{
		Use:     "oc-rebuild [COMPONENT[=SOURCE]]... --from-release REF --to-image REF",
		Short:   "Rebuild components of a release payload from source",
		Long:    rebuildLong,
		Example: rebuildExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 0 && command.Flags().NFlag() == 0 && o.to == "" {
				return command.Help()
			}
			if len(args) == 1 && o.release == "" {
				if known := command.SuggestionsFor(args[0]); len(known) > 0 {
					return fault.New(fault.Usage, "Did you mean the command "+known[0]+"?",
						fmt.Errorf("there is no command %q, and no release is named to rebuild a component of",
							args[0]))
				}
			}
			return runRebuild(command.Context(), streams, &o, args)
		},
	}
	command.SuggestionsMinimumDistance = 2
	o.apply(command.Flags())
	o.applyBuild(command.Flags())
	o.registry.describePlatforms(command.Flags())
	command.Flags().BoolVar(&o.watch, "watch", false,
		"rebuild whenever a file or the commit of a local source changes, until interrupted; print a pull spec each time")
	o.applySelection(command.Flags())
	return command
}

// applySelection adds what says which components are meant where none is named.
func (o *rebuildOptions) applySelection(flags *pflag.FlagSet) {
	defer grouped(flags, groupWhat)()
	flags.BoolVar(&o.all, "all", false, "rebuild every component whose source the payload records")
	flags.StringArrayVar(&o.selection.Exclude, "exclude", nil, "with --all: leave this `COMPONENT` as it is")
	flags.StringVar(&o.selection.ChangedSince, "only-changed-since", "",
		"with --all: only components whose commit differs in this `PAYLOAD`")
	flags.StringVar(&o.selection.Branch, "branch", "",
		"with --all: this branch of each repository, instead of the payload's commit")
}

// checkSelection refuses what makes no sense together.
func (o *rebuildOptions) checkSelection(args []string) error {
	switch selects := len(o.selection.Exclude) > 0 || o.selection.ChangedSince != "" || o.selection.Branch != ""; {
	case !o.all && selects:
		return fault.Errorf(fault.Usage, "--exclude, --only-changed-since and --branch go with --all")
	case o.all && (len(args) > 0 || len(o.recipe.images) > 0):
		return fault.Errorf(fault.Usage, "--all rebuilds every component: name none")
	case o.watch && o.engine.isCluster():
		return fault.Errorf(fault.Usage,
			"--watch is for local sources, which a cluster does not have: leave --engine out")
	case o.watch && len(o.registry.platforms()) > 1:
		return fault.Errorf(fault.Usage, "--watch builds for one platform: name one with --platform")
	case o.all && o.watch:
		return fault.Errorf(fault.Usage, "--watch is for local sources, and --all rebuilds what the payload records")
	}
	return nil
}

// runRebuild does the main job.
func runRebuild(ctx context.Context, streams Streams, o *rebuildOptions, args []string) error {
	if err := errors.Join(o.checkBuild(), o.checkSelection(args)); err != nil {
		return err
	}
	if o.watch && o.after.upgrade {
		return fault.Errorf(fault.Usage, "--watch and --upgrade exclude each other: a cluster cannot follow so fast")
	}
	request, err := o.request(ctx, streams, args)
	if err != nil {
		return err
	}
	if err := o.after.check(ctx, &o.kube); err != nil {
		return err
	}
	if o.engine.isCluster() {
		return o.rebuildOnCluster(ctx, streams, request)
	}
	if err := builder.EnterUserNamespace(ctx); err != nil {
		return err
	}
	return withScratch(ctx, streams, o.output, func() error {
		round := func() error { return o.once(ctx, streams, request) }
		if o.watch {
			return o.follow(ctx, streams, request, round)
		}
		return round()
	})
}

// rebuildOnCluster does the job one time on a cluster.
func (o *rebuildOptions) rebuildOnCluster(ctx context.Context, streams Streams, request plan.Request) error {
	var problems map[string]string
	var failed error // of what cannot be planned
	err := o.onCluster(ctx, streams, func(repository string) (plans []tekton.Lane, err error) {
		err = o.withLanes(streams, func(lanes rebuild.Lanes) error {
			var planned []*plan.Plan
			var err error
			if o.all {
				planned, problems, err = lanes.PlanAll(ctx, request, o.selection)
			} else {
				planned, err = lanes.Plan(ctx, request)
			}
			if err != nil && len(problems) == 0 {
				return err
			}
			failed = err
			for i, job := range lanes {
				pullSpec, err := job.Push(ctx, planned[i], repository)
				if err != nil {
					return err
				}
				plans = append(plans, tekton.Lane{Plan: planned[i], PullSpec: pullSpec, Platform: job.Platform()})
			}
			return nil
		}, func() error { return nil })
		return plans, err
	})
	if failed == nil {
		return err
	}
	streams.notice("Not planned: " + plain.Line(strings.Join(slices.Sorted(maps.Keys(problems)), ", ")))
	if err != nil && fault.KindOf(err) != fault.Build { // the run itself went wrong
		return fault.Join(err, failed)
	}
	err = fault.Join(failed, err)
	return fault.New(fault.Build, fault.AdviceOf(err), err)
}

// once does the job one time and prints its result.
func (o *rebuildOptions) once(ctx context.Context, streams Streams, request plan.Request) error {
	return o.publish(ctx, streams, func(lanes rebuild.Lanes) (*rebuild.Result, error) {
		if o.all {
			return lanes.RunAll(ctx, request, o.selection)
		}
		return lanes.Run(ctx, request)
	})
}
