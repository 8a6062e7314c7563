package cli

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// jobOptions are what rebuild and plan have in common. request and open are the only places where flags become what the
// libraries take.
type jobOptions struct {
	registry  registryOptions
	kube      kubeOptions
	signature signatureOptions
	recipe    recipeOptions
	osImage   osImageOptions
	build     buildOptions
	output    outputOptions

	release      string
	to           string
	toRepository string
	name         string
	cacheDir     string
	all          bool   // plan --all
	artifact     string // pull spec of the plan that is carried out; "" = it is in no registry
	keepGoing    bool

	opened func(context.Context, *payload.Release) error // is shown the payload that a job starts from; nil = nobody is
}

func (o *jobOptions) apply(flags *pflag.FlagSet) {
	o.applyTarget(flags)
	end := grouped(flags, groupWhat)
	flags.StringVar(&o.release, "from-release", "",
		"payload to start from: a pull spec, or a reference with a transport such as oci:DIR:TAG (default: that of the cluster in the kubeconfig)")
	end()
	o.kube.apply(flags)
	o.recipe.apply(flags)
	o.osImage.apply(flags)
}

// applyTarget adds where the payload goes, and how registries are reached.
func (o *jobOptions) applyTarget(flags *pflag.FlagSet) {
	defer grouped(flags, groupTarget)()
	flags.StringVar(&o.to, "to-image", "",
		"pull spec of the new payload (default tag: its name, and each new component with its commit)")
	flags.StringVar(&o.toRepository, "to-repository", "",
		"repository for component images (default: that of --to-image)")
	flags.StringVar(&o.name, "name", "",
		"name of the new payload: a semantic version, or auto for the old name and what is new (default: the old name)")
	applyCacheDir(flags, &o.cacheDir)
	o.registry.apply(flags)
	o.signature.apply(flags)
}

// request translates flags and arguments.
func (o *jobOptions) request(ctx context.Context, streams Streams, args []string) (plan.Request, error) {
	if err := errors.Join(
		oneOf("base-policy", o.recipe.basePolicy, plan.PolicyAuto, plan.PolicyCI),
		oneOf("recipe", o.recipe.recipe, "ci", plan.RecipeBuildData),
		o.recipe.checkLimits(),
	); err != nil {
		return plan.Request{}, err
	}
	var tree workingTree
	nothing := len(args) == 0 && len(o.recipe.images) == 0 && !o.all
	if nothing {
		var err error
		if tree, err = o.here(); err != nil {
			return plan.Request{}, err
		}
	}
	if o.release == "" && (!nothing || tree.top != "") {
		var err error
		if o.release, err = o.kube.release(ctx,
			", such as --from-release quay.io/okd/scos-release:4.17.0-okd-scos.0"); err != nil {
			return plan.Request{}, err
		}
		streams.once("Starting from the cluster's release, " + o.release)
	}
	if tree.top != "" {
		var err error
		if args, err = o.own(ctx, streams, tree); err != nil {
			return plan.Request{}, err
		}
	}
	targets, err := o.recipe.targets(args)
	if err != nil {
		return plan.Request{}, err
	}
	if err := o.osImage.assign(targets); err != nil {
		return plan.Request{}, err
	}
	return plan.Request{
		Release: o.release, To: strings.TrimSuffix(o.to, ":"), ToRepository: o.toRepository, Name: o.name,
		Targets: targets, Dependents: o.recipe.withDependents,
		BaseImages: o.recipe.baseImages, BaseImageMap: o.recipe.baseImageMap, BasePolicy: o.recipe.basePolicy,
		Recipe: o.recipe.recipe,
	}, nil
}

// shared is what all jobs of a run have in common: a branch is one commit for all.
type shared struct {
	sources   *gitsrc.Store
	configs   plan.Configs
	buildData plan.BuildData
}

// openings closes what was opened, the last first.
type openings []func() error

func (c openings) close() error {
	var failures []error
	for _, closeOne := range slices.Backward(c) {
		failures = append(failures, closeOne())
	}
	return errors.Join(failures...)
}

// share opens what jobs have in common.
func (o *jobOptions) share(listener progress.Listener, cacheDir string) (s shared, opened openings, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, opened.close())
		}
	}()
	limits := gitsrc.DefaultLimits().Times(o.recipe.sourceLimits)
	s.sources, err = gitsrc.Open(filepath.Join(cacheDir, "git"), gitsrc.Options{
		Limits: &limits, Ignored: o.recipe.withIgnored, Progress: func(event gitsrc.Event) {
			listener.Report(
				progress.Event{Stage: progress.Fetch, State: progress.Running,
					Message: event.Repository + ": " + event.Message, Bytes: event.Bytes})
		},
	})
	if err != nil {
		return s, nil, err
	}
	opened = append(opened, s.sources.Close)
	var closeConfigs, closeBuildData func() error
	if s.configs, closeConfigs, err = o.configs(s.sources); err != nil {
		return s, opened, err
	}
	opened = append(opened, closeConfigs)
	if s.buildData, closeBuildData, err = o.buildData(); err != nil {
		return s, opened, err
	}
	return s, append(opened, closeBuildData), nil
}

// lanes opens a job for each of several platforms.
func (o *jobOptions) lanes(streams Streams, listener progress.Listener, platforms ...string) (lanes rebuild.Lanes,
	_ func() error, err error) {
	cacheDir, err := o.cache()
	if err != nil {
		return nil, nil, err
	}
	common, opened, err := o.share(listener, cacheDir)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, opened.close())
		}
	}()
	for _, platform := range platforms {
		one, heard := *o, listener
		one.registry.Platform = platform
		if len(platforms) > 1 {
			heard = progress.ForPlatform(listener, platform)
		}
		job, closeJob, err := one.openOn(streams, heard, common, cacheDir, len(platforms) > 1)
		if err != nil {
			return nil, nil, err
		}
		opened = append(opened, closeJob)
		if slices.ContainsFunc(lanes, func(other *rebuild.Job) bool { return other.Platform().Matches(job.Platform()) }) ||
			platform == "" && len(platforms) > 1 {
			return nil, nil, fault.Errorf(fault.Usage, "--platform %q: want each platform once, as os/arch",
				o.registry.Platform)
		}
		lanes = append(lanes, job)
	}
	return lanes, opened.close, nil
}

// openOn prepares the job for a platform.
func (o *jobOptions) openOn(streams Streams, listener progress.Listener, common shared, cacheDir string,
	lane bool) (*rebuild.Job, func() error, error) {
	reading, pushing, closeClients, err := o.registry.clients(func(text string) {
		listener.Report(progress.Event{Stage: progress.Fetch, State: progress.Warned, Message: text})
	})
	if err != nil {
		return nil, nil, err
	}
	job, err := rebuild.New(rebuild.Options{
		BuildData: common.buildData, Reading: reading, Pushing: pushing, Sources: common.sources,
		Configs: common.configs, CacheDir: cacheDir, Progress: listener,
		Artifact: o.artifact, Lane: lane, NoCache: o.build.noCache, Results: o.build.results, KeepGoing: o.keepGoing,
		Jobs: o.build.jobs, Secrets: o.build.secrets, Compression: o.build.compression,
		Build: o.build.builder(""),
		Trust: func(ctx context.Context, release *payload.Release) error {
			if _, err := o.signature.verify(ctx, streams, release); err != nil || o.opened == nil {
				return err
			}
			return o.opened(ctx, release)
		},
	})
	if err != nil {
		return nil, nil, errors.Join(err, closeClients())
	}
	return job, openings{closeClients, job.Close}.close, nil
}

// with is withLanes for what has one platform.
func (o *jobOptions) with(streams Streams, do func(*rebuild.Job) error, print func() error) error {
	if err := o.registry.checkOne(); err != nil {
		return err
	}
	one := *o
	one.registry = *o.registry.first()
	return one.withLanes(streams, func(lanes rebuild.Lanes) error { return do(lanes[0]) }, print)
}

// withLanes opens the jobs for what do does, whose progress is shown meanwhile, and closes them. print comes when the
// display has ended, unless do failed.
func (o *jobOptions) withLanes(streams Streams, do func(rebuild.Lanes) error, print func() error) (err error) {
	listener, finish := o.output.progress(streams)
	defer finish()
	lanes, closeLanes, err := o.lanes(streams, listener, o.registry.platforms()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLanes()) }()
	err = do(lanes)
	finish()
	if err != nil {
		return err
	}
	return print()
}

// cache returns the directory for what outlives a run.
func (o *jobOptions) cache() (string, error) { return cacheDirectory(o.cacheDir) }
