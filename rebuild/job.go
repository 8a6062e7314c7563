package rebuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/oc-rebuild/oc-rebuild/ciconfig"
	"github.com/oc-rebuild/oc-rebuild/ciconfig/builddata"
	"github.com/oc-rebuild/oc-rebuild/gitsrc"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/builder"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/scratch"
)

// Configs finds the ci-operator config that promotes a component.
type Configs interface {
	Find(ctx context.Context, query ciconfig.Query) (ciconfig.Match, error)
}

// Sources brings the source of a component to this machine.
type Sources interface {
	Fetch(ctx context.Context, request gitsrc.Request, directory string) (gitsrc.Tree, error)
	View(ctx context.Context, request gitsrc.Request) (*gitsrc.Revision, gitsrc.Tree, error) // its files, not checked out
	// OnBranch reports whether a branch of the repository contains the commit.
	OnBranch(ctx context.Context, repository, commit string, branches ...string) (bool, error)
}

// BuildData know how a release's images are built outside CI.
type BuildData interface {
	Component(tag string) (builddata.Image, error)
}

// Options are what a job works with.
type Options struct {
	Reading *registry.Client // for payloads and bases
	Pushing *registry.Client // for what is pushed; may be Reading
	Sources Sources
	Configs Configs
	// BuildData are a second opinion on how components are built; nil = none.
	BuildData BuildData
	Build     builder.Options // Temp, SystemContext and Source are the job's own business
	CacheDir  string          // what outlives a run: build records, blobs, compile caches, logs
	NoCache   bool            // use nothing of an earlier run
	Jobs      int             // components built at once; 0 = by the number of processors
	Secrets   []string        // as builder.Build.Secrets

	KeepStagesAfter time.Duration // how long the beginning of a stage takes, at the least, that is kept for later builds; 0 = 3 s

	// Trust is asked whether the payload may be used, before anything but its own description is read; nil = any may.
	Trust func(context.Context, *payload.Release) error

	Compression string // of the layers that builds add: Gzip or Zstd; "" = Gzip
	Progress    Progress
}

// Job is one run. It is good for one request.
type Job struct {
	Options
	scratch string      // removed by Close
	alive   *cache.Lock // on scratch, so that nobody takes it for one that a killed run left
	clock   *clock
	builder lazyBuilder

	compiled atomic.Bool // a build had compile caches
}

// New prepares a job. Close it.
func New(options Options) (*Job, error) {
	if options.Progress == nil {
		options.Progress = Silent{}
	}
	for _, directory := range []string{cache.Builds, cache.Blobs, cache.Logs, cache.Compile, cache.Stages} {
		if err := os.MkdirAll(filepath.Join(options.CacheDir, directory), 0o700); err != nil {
			return nil, fmt.Errorf("preparing the cache: %w", err)
		}
	}
	own, err := os.MkdirTemp("", scratch.JobPrefix)
	if err != nil {
		return nil, fmt.Errorf("making a scratch directory: %w", err)
	}
	lock, err := cache.Hold(own)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(own))
	}
	return &Job{Options: options, scratch: own, alive: lock, clock: newClock()}, nil
}

// Close removes everything that the job made outside its cache and the containers storage.
func (j *Job) Close() error {
	return errors.Join(j.builder.close(), os.RemoveAll(j.scratch), j.alive.Release())
}

// cached returns a path in the job's cache.
func (j *Job) cached(elements ...string) string {
	return filepath.Join(append([]string{j.CacheDir}, elements...)...)
}

// report tells the user something.
func (j *Job) report(component string, stage Stage, state State, format string, args ...any) {
	j.Progress.Report(Event{Component: component, Stage: stage, State: state, Message: fmt.Sprintf(format, args...)})
}

// Run does the whole job: plan, fetch, build, publish, assemble. What is already finished when something fails is kept,
// and the next run goes on from there.
func (j *Job) Run(ctx context.Context, request Request) (result *Result, err error) {
	lock, err := cache.Use(ctx, j.CacheDir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Release(), j.trim()) }()
	if advice := builder.AdviceForOne(); advice != "" {
		j.report("", StageResolve, Warned, "%s", advice)
	}
	work, err := j.plan(ctx, request, true)
	if err != nil {
		return nil, err
	}
	for _, warning := range work.plan.Warnings {
		j.report("", StageResolve, Warned, "%s", warning)
	}
	built, err := j.buildAll(ctx, work)
	if err != nil {
		return nil, err
	}
	return j.assemble(ctx, work, built)
}

// maxCompile is how much all compile caches together may take, in bytes: those of an operator have about one GB.
const maxCompile = 20 << 30

// trim keeps the compile caches from growing without end, after something was compiled.
func (j *Job) trim() error {
	if !j.compiled.Load() {
		return nil
	}
	return cache.Trim(j.CacheDir, cache.Compile, maxCompile)
}

// Plan settles everything and builds nothing. Where something cannot be built the plan comes together with the error,
// and says what it is.
func (j *Job) Plan(ctx context.Context, request Request) (*Plan, error) {
	work, err := j.plan(ctx, request, false)
	if err != nil {
		return nil, err
	}
	return work.plan, work.plan.problem()
}
