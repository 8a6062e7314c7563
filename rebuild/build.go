package rebuild

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/dockerfile"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

// built is a finished component image.
type built struct {
	artifact *artifact
	pullSpec string // repository@digest, pushed
	log      string // "" where an earlier run's result was taken
}

// outcomes collects what the units of a run became.
type outcomes struct {
	mu   sync.Mutex
	done map[*unit]*built
}

func (o *outcomes) get(u *unit) *built {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.done[u]
}

func (o *outcomes) set(u *unit, b *built) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done[u] = b
}

// buildAll builds and pushes every unit, group after group. A unit that fails does not stop those beside it: what they
// finish is kept for the next run.
func (j *Job) buildAll(ctx context.Context, w *work) (*outcomes, error) {
	all := &outcomes{done: map[*unit]*built{}}
	for _, units := range w.order {
		var group errgroup.Group
		group.SetLimit(j.jobs())
		failures := make([]error, len(units))
		for i, u := range units {
			if u.swapped != "" {
				continue
			}
			group.Go(func() error {
				result, err := j.buildOne(ctx, u, all)
				all.set(u, result)
				failures[i] = err
				if err != nil && len(units) > 1 && ctx.Err() == nil { // the others may take long to end
					j.report(u.target.Name, StageBuild, Failed, "%v", err)
				}
				return nil
			})
		}
		_ = group.Wait() // failures has them all
		if err := joinFailures(failures); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// jobs is how many components are built at once. Compilers use all processors by themselves, so two builds on a small
// machine only wait for each other.
func (j *Job) jobs() int {
	if j.Jobs > 0 {
		return j.Jobs
	}
	return min(max(runtime.GOMAXPROCS(0)/4, 1), 8)
}

// joinFailures makes one error of several; its class is that of the first.
func joinFailures(failures []error) error {
	var some []error
	for _, err := range failures {
		if err != nil {
			some = append(some, err)
		}
	}
	if len(some) < 2 {
		return errors.Join(some...)
	}
	return fault.New(fault.KindOf(some[0]), fault.AdviceOf(some[0]), errors.Join(some...))
}

// buildOne builds a unit, or takes what an earlier run made of the same inputs, and pushes it.
func (j *Job) buildOne(ctx context.Context, u *unit, all *outcomes) (*built, error) {
	name := u.target.Name
	file, err := u.render(func(b *base) string { return b.reference(all) })
	if err != nil {
		return nil, fmt.Errorf("component %q: %w", name, err)
	}
	key, err := j.buildKey(ctx, u, file, all)
	if err != nil {
		return nil, fmt.Errorf("component %q: %w", name, err)
	}
	result := &built{artifact: j.recorded(u, key)}
	if result.artifact == nil {
		if result.artifact, result.log, err = j.make(ctx, u, file, key, all, true); err != nil {
			return nil, err
		}
	}
	if u.replaces() {
		result.pullSpec, err = j.pushOne(ctx, u, result)
	}
	return result, err
}

// recorded returns what an earlier run made with a key; nil = nothing.
func (j *Job) recorded(u *unit, key string) *artifact {
	if j.NoCache {
		return nil
	}
	made := loadArtifact(j.cached(cache.Builds), key, j.cached(cache.Blobs))
	if made != nil {
		j.report(u.target.Name, StageBuild, Skipped, "nothing changed since it was built last")
	}
	return made
}

// record keeps what was made with a key for later runs, unless the source may have been another one while it was made.
func (j *Job) record(u *unit, key string, made *artifact) error {
	changed, err := j.changed(u)
	if err != nil {
		return err
	}
	if changed {
		j.report(u.target.Name, StageBuild, Warned, "%s was changed during the build: what was made is not kept for later runs", u.tree.Directory)
		return nil
	}
	return errors.Join(saveArtifact(j.cached(cache.Builds), key, made), j.markBuilt(u))
}

// buildKey digests everything that decides the bytes of the image.
func (j *Job) buildKey(ctx context.Context, u *unit, file *dockerfile.File, all *outcomes) (string, error) {
	seen, err := u.contextKey(ctx, all)
	if err != nil {
		return "", err
	}
	return keyOf(inputs{
		Version: recordVersion, Dockerfile: string(file.Text()), Args: u.args, Labels: u.labels, Context: seen,
		Time: u.tree.Time.UTC(), Platform: j.platform(), Network: j.Build.Network,
		Compression: j.Compression,
	})
}

// platform returns what images are built for, as os/arch/variant.
func (j *Job) platform() string {
	os, arch, variant := j.Reading.Platform()
	return strings.Join([]string{os, arch, variant}, "/")
}

// open returns the builder.
func (j *Job) open(ctx context.Context) (*builder.Builder, error) {
	options := j.Build
	options.Temp, options.SystemContext, options.Source = j.scratch, j.Reading.SystemContext(), j.Reading.SourceReference
	return j.builder.open(ctx, options, j.tellIsolation)
}

// tellIsolation warns of what steps see where nobody asked for that.
func (j *Job) tellIsolation(b *builder.Builder) {
	isolation := b.Isolation()
	if exposed := isolation.Exposed(); exposed != "" && j.Build.Isolation != isolation.Name {
		j.report("", StageBuild, Warned, "%s isolation, for %s. %s", isolation.Name, isolation.Reason, exposed)
	}
}

// make builds a unit. key names the build among all that share the storage: another run that makes the same is waited
// for and, where a record will do, its result is taken.
func (j *Job) make(ctx context.Context, u *unit, file *dockerfile.File, key string, all *outcomes, record bool) (*artifact, string, error) {
	name := u.target.Name
	b, err := j.open(ctx)
	if err != nil {
		return nil, "", err
	}
	release, err := b.Alone(ctx, key)
	if err != nil {
		return nil, "", err
	}
	defer release()
	if record {
		if made := j.recorded(u, key); made != nil {
			return made, "", nil
		}
	}
	if err := j.checkOut(ctx, u); err != nil {
		return nil, "", fmt.Errorf("component %q: %w", name, err)
	}
	images, base, err := j.pullBases(ctx, u, all)
	if err != nil {
		return nil, "", err
	}
	if err := u.checkOS(b, images); err != nil {
		return nil, "", fmt.Errorf("component %q: %w", name, err)
	}
	directory, remove, err := j.assembleContext(ctx, b, u, all)
	if err != nil {
		return nil, "", fmt.Errorf("component %q: %w", name, err)
	}
	defer remove()
	build := builder.Build{
		Name: name, Context: directory, Hidden: u.hidden(), Args: argMap(u.args), Labels: u.labels,
		Timestamp: u.tree.Time, Secrets: j.Secrets,
	}
	if !j.NoCache {
		with, compiles, err := j.withCompileCaches(b, u, file, images)
		if err != nil {
			return nil, "", fmt.Errorf("component %q: %w", name, err)
		}
		if compiles {
			file = with
			j.compiled.Store(true)
			if build.Caches, err = j.compileCaches(ctx, u, all); err != nil {
				return nil, "", err
			}
		}
	}
	log, err := newBuildLog(j.cached("logs"), name, func(line string) { j.report(name, StageBuild, Running, "%s", line) })
	if err != nil {
		return nil, "", err
	}
	defer log.Close()
	stop := j.clock.start(name, StageBuild)
	j.report(name, StageBuild, Started, "%s, %s isolation, log in %s", u.recipe.Dockerfile, b.Isolation().Name, log.Path)
	build.Log = log
	image, err := j.build(ctx, b, u, file, build, images)
	stop()
	if err != nil {
		return nil, "", buildFailure(name, log, err)
	}
	if u.replaces() {
		defer b.Remove(image.ID) //nolint:errcheck // the image is kept as an artifact; storage that cannot delete it loses only space
	}
	if err := u.finishOS(b, images, &image); err != nil {
		return nil, "", fmt.Errorf("component %q: %w", name, err)
	}
	made, err := makeArtifact(ctx, b, image, base, packer{j.cached("blobs"), j.Compression})
	if err != nil {
		return nil, "", fmt.Errorf("component %q: %w", name, err)
	}
	j.report(name, StageBuild, Done, "%s", made.Digest())
	return made, log.Path, j.record(u, key, made)
}

// buildFailure says what the failing step printed last and where the rest is.
func buildFailure(name string, log *buildLog, err error) error {
	if fault.KindOf(err) != fault.Build {
		return fmt.Errorf("component %q: %w", name, err)
	}
	return fault.New(fault.Build, "The whole output is in "+log.Path+".\n"+fault.AdviceOf(err),
		fmt.Errorf("%w; the last lines of its output:\n%s", err, log.Tail()))
}

// argMap returns build arguments as buildah takes them.
func argMap(args []ciconfig.Arg) map[string]string {
	m := map[string]string{}
	for _, arg := range args {
		m[arg.Name] = arg.Value
	}
	return m
}
