package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/oc-rebuild/oc-rebuild/cmd/internal/cli/display"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/plain"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/rollout"
)

const deployLong = `Rebuild components and run them on the cluster in the kubeconfig, without a payload and without an upgrade.

The manifests of the cluster's own release say where the image of a component is named: in a Deployment, in a variable of its operator, or in a
ConfigMap. The new image is put there, and the cluster version operator is told to leave these objects alone, so that the change stays. What was
there before is recorded on the objects: "oc rebuild status" lists it, "oc rebuild restore" puts it back, from any machine.

While anything is deployed, the cluster reports that it cannot be upgraded.`

const deployExample = `  # Deploy the operator from a working tree
  oc rebuild deploy machine-config-operator=../mco --to-repository quay.io/me/mco

  # The same, through the cluster's own registry
  oc rebuild deploy machine-config-operator=../mco --to-cluster-registry

  # Deploy again whenever a file is saved, until interrupted
  oc rebuild deploy cluster-dns-operator=. --to-repository quay.io/me/dns --watch

  # Deploy an existing image
  oc rebuild deploy --image coredns=quay.io/me/coredns:fix

  # On a cluster hosted by HyperShift, with the kubeconfig of the management cluster
  oc rebuild deploy cluster-dns-operator=. --to-repository quay.io/me/dns \
    --hosted-cluster clusters/mine

  # List what is deployed, and undo it
  oc rebuild status
  oc rebuild restore`

// deployOptions are the flags of deploy.
type deployOptions struct {
	jobOptions
	rollout   rolloutOptions
	watch     bool
	toCluster bool            // images go to the cluster's own registry
	inCluster clusterRegistry // which is this
}

func newDeploy(streams Streams) *cobra.Command {
	var o deployOptions
	command := &cobra.Command{
		Use:     "deploy [COMPONENT[=SOURCE]]... [--to-repository REPOSITORY]",
		Short:   "Run a rebuilt component on a cluster, without a payload",
		Long:    deployLong,
		Example: deployExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(command *cobra.Command, args []string) error {
			return runDeploy(command.Context(), streams, &o, args)
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.toRepository, "to-repository", "",
		"`repository` for the images; the cluster must be able to pull from it")
	flags.BoolVar(&o.toCluster, "to-cluster-registry", false,
		"push to OpenShift's internal registry, through its route")
	flags.StringVar(&o.release, "from-release", "",
		"payload to take manifests and commits from (default: the cluster's)")
	o.rollout.apply(flags)
	flags.BoolVar(&o.watch, "watch", false, "deploy again whenever a local source changes, until interrupted")
	applyCacheDir(flags, &o.cacheDir)
	o.registry.apply(flags)
	o.registry.applyPush(flags)
	o.signature.apply(flags)
	o.kube.apply(flags)
	o.recipe.apply(flags)
	o.build.apply(flags)
	o.output.apply(flags, "text, "+structured)
	o.output.applyProgress(flags)
	return command
}

func (o *deployOptions) check(args []string) error {
	if o.toCluster && (o.toRepository != "" || o.rollout.hosted != "") {
		return fault.Errorf(fault.Usage,
			"--to-cluster-registry stands in place of --to-repository, and a hosted cluster does not pull from there")
	}
	if !o.toCluster && o.toRepository == "" && (len(args) > 0 || len(o.recipe.images) == 0) {
		return fault.New(fault.Usage,
			"Name where images go, such as --to-repository quay.io/me/images, or --to-cluster-registry.",
			errors.New("--to-repository is missing"))
	}
	return errors.Join(o.build.check(), o.output.check())
}

// deployment is where a component's image is put.
type deployment struct {
	rebuild.ResultComponent
	Objects []rollout.Object `json:"objects,omitempty"` // whose pods are new
}

func runDeploy(ctx context.Context, streams Streams, o *deployOptions, args []string) error {
	if err := o.check(args); err != nil {
		return err
	}
	api, err := o.kube.connect()
	if err != nil {
		return err
	}
	target := o.rollout.target(streams, api, o.output.isQuiet())
	if o.rollout.hosted != "" && o.release == "" {
		if o.release, err = target.HostedRelease(ctx, o.rollout.hosted); err != nil {
			return err
		}
	}
	if o.toCluster {
		if o.inCluster, err = findClusterRegistry(ctx, api); err != nil {
			return err
		}
		o.toRepository = o.inCluster.repository()
	}
	request, err := o.request(ctx, streams, args)
	if err != nil {
		return err
	}
	if err := builder.EnterUserNamespace(ctx); err != nil {
		return err
	}
	sites := map[string]rollout.Sites{}
	o.opened = func(ctx context.Context, release *payload.Release) error {
		return o.find(ctx, target, release, request, sites)
	}
	return withScratch(ctx, streams, o.output, func() error {
		return o.withClusterRegistry(ctx, api, func() error {
			round := func() error { return o.round(ctx, streams, target, request, sites) }
			if o.watch {
				return o.follow(ctx, streams, request, round)
			}
			return round()
		})
	})
}

// find looks up where the components run, and whether that can be changed, before anything is built.
func (o *deployOptions) find(ctx context.Context, target *rollout.Cluster, release *payload.Release,
	request plan.Request, sites map[string]rollout.Sites) error {
	for _, component := range request.Targets {
		if o.rollout.hosted != "" {
			if _, err := release.Component(component.Name); err != nil {
				return err
			}
			continue
		}
		found, err := rollout.Find(release, component.Name)
		if err != nil {
			return err
		}
		if err := target.Check(ctx, found); err != nil {
			return err
		}
		sites[component.Name] = found
	}
	return nil
}

// round builds the components and puts them into the cluster.
func (o *deployOptions) round(ctx context.Context, streams Streams, target *rollout.Cluster, request plan.Request,
	sites map[string]rollout.Sites) error {
	began := time.Now()
	var result *rebuild.Result
	printed := false
	err := o.with(streams, func(job *rebuild.Job) (err error) {
		result, err = job.Build(ctx, request)
		return err
	}, func() error {
		var images []string
		for i, component := range result.Components {
			if inside := o.inCluster.inside(component.Image); inside != component.Image {
				result.Components[i].Image = inside
			} else {
				images = append(images, component.Image)
			}
		}
		if err := o.registry.pullable(ctx, streams, target.API, images...); err != nil {
			return err
		}
		deployed, err := o.put(ctx, target, result, sites)
		if err != nil {
			return err
		}
		printed = true
		return o.print(streams, target, deployed, time.Since(began))
	})
	if !printed {
		err = errors.Join(err, o.output.failed(ctx, streams, err))
	}
	return err
}

// put changes the cluster, and waits for it.
func (o *deployOptions) put(ctx context.Context, target *rollout.Cluster, result *rebuild.Result,
	sites map[string]rollout.Sites) ([]deployment, error) {
	var deployed []deployment
	images := map[string]string{}
	by := target.API.User(ctx)
	var all []rollout.Object
	for _, component := range result.Components {
		images[component.Name] = component.Image
		done := deployment{ResultComponent: component}
		if o.rollout.hosted == "" {
			var err error
			done.Objects, err = target.Set(ctx, sites[component.Name],
				rollout.Record{Image: component.Image, Repository: component.Repository,
					Commit: component.Commit, Dirty: component.Dirty,
					Since: time.Now().UTC().Truncate(time.Second), By: by})
			if err != nil {
				return nil, fmt.Errorf("deploying %s: %w", component.Name, err)
			}
			all = append(all, done.Objects...)
		}
		deployed = append(deployed, done)
	}
	if o.rollout.hosted != "" {
		return deployed, target.SetHosted(ctx, o.rollout.hosted, images)
	}
	return deployed, o.rollout.wait(ctx, target, all)
}

func (o *deployOptions) print(streams Streams, target *rollout.Cluster, deployed []deployment,
	took time.Duration) error {
	if o.output.isStructured() {
		return o.output.print(streams.Out, map[string]any{"components": deployed, "seconds": took.Seconds()})
	}
	for _, one := range deployed {
		if err := display.Line(streams.Out, one.Name+" "+one.Image); err != nil {
			return err
		}
	}
	if o.output.isQuiet() {
		return nil
	}
	state := "Running"
	if o.rollout.noWait || o.rollout.hosted != "" {
		state = "Set"
	}
	streams.notice(fmt.Sprintf("%s on %s after %.1f s. `oc rebuild restore` puts back what was there.", state,
		plain.Line(target.API.Host), took.Seconds()))
	return nil
}
