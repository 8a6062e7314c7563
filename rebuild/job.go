package rebuild

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/flock"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
	"github.com/oc-rebuild/oc-rebuild/rebuild/scratch"
	"github.com/oc-rebuild/oc-rebuild/rebuild/source"
)

// Job is one run. It is good for one request.
type Job struct {
	options Options
	scratch string      // removed by Close
	alive   *flock.Lock // on scratch, so that nobody takes it for one that a killed run left
	report  *progress.Reporter
	sources *source.Keeper
	images  *image.Chain
}

// New prepares a job. Close it.
func New(options Options) (*Job, error) {
	for _, directory := range []string{cache.Builds, cache.Blobs, cache.Logs, cache.Compile, cache.Stages} {
		if err := os.MkdirAll(filepath.Join(options.CacheDir, directory), 0o700); err != nil {
			return nil, fmt.Errorf("preparing the cache: %w", err)
		}
	}
	if err := cache.Mark(options.CacheDir); err != nil {
		return nil, err
	}
	own, lock, err := flock.MakeHeld(os.TempDir(), scratch.JobPrefix)
	if err != nil {
		return nil, err
	}
	report := progress.NewReporter(options.Progress)
	known := &source.Known{}
	if !options.NoCache {
		known.Directory = filepath.Join(options.CacheDir, cache.Trees)
	}
	sources := source.NewKeeper(options.Sources, known, own, report)
	images := image.NewChain(image.Options{
		Reading: options.Reading, Pushing: options.Pushing, Sources: sources, Build: options.Build, Scratch: own,
		CacheDir: options.CacheDir,
		NoCache:  options.NoCache, Results: options.Results, Jobs: options.Jobs,
		Secrets: options.Secrets, Report: report,
		KeepStagesAfter: options.KeepStagesAfter, KeepTreesOf: options.KeepTreesOf, Compression: options.Compression,
	})
	return &Job{options: options, scratch: own, alive: lock, report: report, sources: sources, images: images}, nil
}

// Close removes everything that the job made outside its cache and the containers storage.
func (j *Job) Close() error {
	return errors.Join(j.images.Close(), cache.RemoveAll(j.scratch), j.alive.Release())
}

// Plan settles everything and builds nothing. Where something cannot be built the plan comes together with the error,
// and says what it is.
func (j *Job) Plan(ctx context.Context, request plan.Request) (*plan.Plan, error) {
	_, planned, err := j.plan(ctx, request, plan.Inputs{Lenient: true})
	if err != nil {
		return nil, err
	}
	return planned, planned.Err()
}

// Run does the whole job: plan, fetch, build, publish, assemble. What is already finished when something fails is kept,
// and the next run goes on from there.
func (j *Job) Run(ctx context.Context, request plan.Request) (*Result, error) {
	return j.locked(ctx, func() (*Result, error) {
		release, planned, err := j.planBuild(ctx, request)
		if err != nil {
			return nil, err
		}
		return j.carryOut(ctx, release, request, planned)
	})
}

// Build makes and pushes the images that a request names, and no payload: the result has none.
func (j *Job) Build(ctx context.Context, request plan.Request) (*Result, error) {
	return j.locked(ctx, func() (*Result, error) {
		_, planned, err := j.planBuild(ctx, request)
		if err != nil {
			return nil, err
		}
		made, err := j.makeAll(ctx, planned.InOrder(), nil)
		if err != nil {
			return nil, err
		}
		return &Result{Components: j.components(planned, made), Seconds: j.report.Seconds("")}, nil
	})
}

// planBuild makes the plan of what is built now.
func (j *Job) planBuild(ctx context.Context, request plan.Request) (*payload.Release, *plan.Plan, error) {
	release, planned, err := j.plan(ctx, request, plan.Inputs{NeedsFiles: j.needsFiles})
	if err != nil {
		return nil, nil, err
	}
	j.warn(planned)
	return release, planned, nil
}

// needsFiles reports whether what a request for source names is most likely built.
func (j *Job) needsFiles(request gitsrc.Request) bool { return !j.images.IsRemembered(request) }

// warn passes on what plans warn of.
func (j *Job) warn(plans ...*plan.Plan) {
	for _, warning := range plan.Warnings(plans...) {
		j.report.Report("", progress.Resolve, progress.Warned, "%s", warning)
	}
}

// Apply carries out a plan, which plan.Read or Plan returned: nothing is looked up again. Where the images and the
// payload go is the request's to say, and what the payload is called.
func (j *Job) Apply(ctx context.Context, planned *plan.Plan, request plan.Request) (*Result, error) {
	request.Release = planned.Release.PullSpec
	return j.locked(ctx, func() (*Result, error) {
		release, err := j.openPlanned(ctx, planned, request)
		if err != nil {
			return nil, err
		}
		pinned, err := j.unpack(ctx, planned.Pinned(request.Repository()), func(string) bool { return true })
		if err != nil {
			return nil, err
		}
		return j.carryOut(ctx, release, request, pinned)
	})
}

// Check opens the payload that a plan starts from, for those who carry the plan out elsewhere: it must be there, the
// plan's, and what Options.Trust wants.
func (j *Job) Check(ctx context.Context, planned *plan.Plan, request plan.Request) error {
	request.Release = planned.Release.PullSpec
	_, err := j.openPlanned(ctx, planned, request)
	return err
}

// openPlanned opens the payload that a plan starts from.
func (j *Job) openPlanned(ctx context.Context, planned *plan.Plan, request plan.Request) (*payload.Release, error) {
	if err := errors.Join(request.ValidateNames(), j.options.validate()); err != nil {
		return nil, err
	}
	release, err := j.open(ctx, request.Release)
	if err != nil {
		return nil, err
	}
	if sum := release.Image.TopDigest(); sum != planned.Release.Digest {
		return nil, fault.Errorf(fault.Unresolved, "%s is %s, and the plan was made from %s", request.Release, sum,
			planned.Release.Digest)
	}
	release.Reference = planned.Release.Image // what a payload says of where it comes from is what the user called it
	return release, nil
}

// locked does a job while nobody prunes its cache.
func (j *Job) locked(ctx context.Context, do func() (*Result, error)) (result *Result, err error) {
	lock, err := cache.Use(ctx, j.options.CacheDir)
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, lock.Release())
		if err := j.images.Trim(); err != nil { // what was built is there all the same
			j.report.Report("", progress.Publish, progress.Warned, "caches stay as large as they are: %v", err)
		}
	}()
	if advice := builder.AdviceForOne(); advice != "" {
		j.report.Report("", progress.Resolve, progress.Warned, "%s", advice)
	}
	return do()
}

// carryOut builds what a plan says, and assembles the payload. With KeepGoing the result comes together with the error
// of what could not be built.
func (j *Job) carryOut(ctx context.Context, release *payload.Release, request plan.Request,
	planned *plan.Plan) (*Result, error) {
	made, failed := j.makeAll(ctx, planned.InOrder(), nil)
	if failed == nil {
		return j.assemble(ctx, release, request, planned, made, nil)
	}
	rest := *planned
	rest.Components = slices.DeleteFunc(slices.Clone(planned.Components), func(c plan.Component) bool {
		_, ok := made[c.Name]
		return !ok && !c.IsSwapped()
	})
	if !j.options.KeepGoing || ctx.Err() != nil || len(rest.Components) == 0 {
		return nil, failed
	}
	result, err := j.assemble(ctx, release, request, &rest, made, nil)
	if err != nil {
		return nil, fault.Join(failed, err)
	}
	for _, component := range planned.Components {
		if _, ok := made[component.Name]; !ok && !component.IsSwapped() {
			result.Left = append(result.Left, component.Name)
		}
	}
	return result, failed
}

// plan opens the payload that a request starts from, once it is known that the request and the job make sense, and
// makes the plan; inputs say what it is for.
func (j *Job) plan(ctx context.Context, request plan.Request, inputs plan.Inputs) (*payload.Release,
	*plan.Plan, error) {
	if err := j.check(request, &inputs); err != nil {
		return nil, nil, err
	}
	release, err := j.open(ctx, request.Release)
	if err != nil {
		return nil, nil, err
	}
	planned, err := j.planOn(ctx, release, request, inputs)
	return release, planned, err
}

// check refuses what makes no sense before anything is read from a server, and reads the rules of bases.
func (j *Job) check(request plan.Request, inputs *plan.Inputs) (err error) {
	if err := errors.Join(request.Validate(), j.options.validate()); err != nil {
		return err
	}
	inputs.Rules, err = request.BaseRules()
	return err
}

// planOn makes the plan of a request that was checked, on a payload that is open.
func (j *Job) planOn(ctx context.Context, release *payload.Release, request plan.Request,
	inputs plan.Inputs) (*plan.Plan, error) {
	defer j.report.Start("", progress.Resolve)()
	o := j.options
	inputs.Release, inputs.Registry, inputs.Sources, inputs.Report = release, o.Reading, j.sources, j.report
	inputs.Configs, inputs.BuildData, inputs.Secrets = o.Configs, o.BuildData, o.Secrets
	return plan.Make(ctx, inputs, request)
}

// open opens a payload that images for this platform may be put into, and that is trusted.
func (j *Job) open(ctx context.Context, reference string) (*payload.Release, error) {
	defer j.report.Start("", progress.Resolve)()
	j.report.Report("", progress.Resolve, progress.Started, "reading %s", reference)
	release, err := payload.Open(ctx, j.options.Reading, reference)
	if err != nil {
		return nil, err
	}
	if err := j.checkPlatform(release); err != nil {
		return nil, err
	}
	if j.options.Trust != nil {
		if err := j.options.Trust(ctx, release); err != nil {
			return nil, err
		}
	}
	for _, warning := range release.Warnings {
		j.report.Report("", progress.Resolve, progress.Warned, "%s", warning)
	}
	used := cache.Payload{Reference: reference}
	for _, component := range release.Components() {
		used.Components = append(used.Components, component.Name)
	}
	cache.RememberPayload(j.options.CacheDir, used)
	return release, nil
}

// checkPlatform refuses to put images for one platform into a payload for another, and says what becomes of a list of
// payloads.
func (j *Job) checkPlatform(release *payload.Release) error {
	want, have := j.Platform(), release.Image.Config.Platform
	if have.Architecture != "" && (have.OS != want.OS || have.Architecture != want.Architecture) {
		return fault.New(fault.Unresolved,
			fmt.Sprintf("Pass --platform %s/%s: builds then need a machine that runs its programs.", have.OS,
				have.Architecture),
			fmt.Errorf("the payload %q is for %s, and images would be built for %s",
				release.Reference, have, want))
	}
	if j.options.Lane && release.ListDigest == "" {
		return fault.New(fault.Unresolved,
			fmt.Sprintf("Start from one that is a manifest list, or pass --platform %s.", have),
			fmt.Errorf("the payload %q is for %s alone", release.Reference, have))
	}
	if !j.options.Lane {
		j.sayLeftOut(release, []registry.Platform{have})
	}
	return nil
}

// sayLeftOut warns of a list of payloads of which only those for some platforms are made anew.
func (j *Job) sayLeftOut(release *payload.Release, kept []registry.Platform) {
	out := slices.DeleteFunc(slices.Clone(release.Image.List), func(instance registry.Instance) bool {
		return slices.ContainsFunc(kept, func(platform registry.Platform) bool { return platform.Matches(instance.Platform) })
	})
	if len(out) > 0 {
		j.report.Report("", progress.Resolve, progress.Warned, "%s is a list of payloads: the new payload has none for %s",
			release.Reference, registry.PlatformsOf(out))
	}
}

// makeAll makes and pushes the images of a plan that are pending, in the plan's order, each as soon as those that it is
// built on are there; some may be given. One that fails does not stop the others: what they finish is kept for the next
// run, and returned together with the error. What is built on it is left out.
func (j *Job) makeAll(ctx context.Context, pending []plan.Component,
	given map[string]image.Need) (map[string]image.Need, error) {
	type outcome struct {
		name string
		need image.Need
		err  error
	}
	pending = slices.Clone(pending)
	several := len(pending) > 1
	made, failures := map[string]image.Need{}, []error{}
	maps.Copy(made, given)
	outcomes := make(chan outcome)
	waits := map[string]string{} // what was said of those that wait
	for running := 0; ; running-- {
		for ctx.Err() == nil && running < j.images.Slots() {
			next := slices.IndexFunc(pending, func(c plan.Component) bool { return isReady(c, made) })
			if next < 0 {
				break
			}
			unit := image.Unit{Component: pending[next], Needs: needs(pending[next], made)}
			pending = slices.Delete(pending, next, next+1)
			running++
			go func() {
				finished, err := j.images.Make(ctx, unit)
				outcomes <- outcome{unit.Name, image.Need{Unit: unit, Image: finished}, err}
			}()
		}
		if running == 0 {
			break
		}
		for _, component := range pending {
			if why := waitsFor(component, made); why != waits[component.Name] {
				waits[component.Name] = why
				j.report.Report(component.Name, progress.Build, progress.Waiting, "for %s", why)
			}
		}
		one := <-outcomes
		if one.err == nil {
			made[one.name] = one.need
			continue
		}
		var need *image.NeedError
		switch isNeed := errors.As(one.err, &need); {
		case !isNeed:
			failures = append(failures, one.err)
		case !slices.ContainsFunc(failures, func(known error) bool { return errors.Is(known, need) }):
			failures = append(failures, need)
		}
		switch {
		case !several || ctx.Err() != nil:
		case need != nil:
			j.report.Report(one.name, progress.Build, progress.Failed, "it is built on %s", need.Need)
		default: // the others may take long to end
			j.report.Report(one.name, progress.Build, progress.Failed, "%v", one.err)
		}
	}
	switch {
	case len(failures) > 0:
		return made, fault.Join(failures...)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case len(pending) > 0:
		return nil, fmt.Errorf("%s %q is built on what the plan lacks", pending[0].Noun(), pending[0].Name)
	}
	return made, nil
}

// needs returns what is made of the images that a component is built on.
func needs(component plan.Component, made map[string]image.Need) map[string]image.Need {
	found := map[string]image.Need{}
	for _, base := range component.Wants() {
		if need, ok := made[base.Built]; ok {
			found[base.Built] = need
		}
	}
	return found
}

// waitsFor says what has to be done before a component is built.
func waitsFor(component plan.Component, made map[string]image.Need) string {
	var names []string
	for _, base := range component.Wants() {
		if _, ok := made[base.Built]; base.Built != "" && !ok && !slices.Contains(names, base.Built) {
			names = append(names, base.Built)
		}
	}
	if len(names) == 0 {
		return "its turn (--jobs)"
	}
	return strings.Join(names, ", ")
}

// isReady reports whether everything that a component is built on is made.
func isReady(component plan.Component, made map[string]image.Need) bool {
	return !slices.ContainsFunc(component.Wants(), func(base plan.Base) bool {
		_, ok := made[base.Built]
		return base.Built != "" && !ok
	})
}
