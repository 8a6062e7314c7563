package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/rebuild/artifact"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
)

// readPlan reads a plan: a file, - for standard input, or a pull spec by digest, which is where the job that carries it
// out finds what the plan comes with.
func (o *jobOptions) readPlan(ctx context.Context, streams Streams, name string) (planned *plan.Plan, err error) {
	if _, sum := registry.SplitDigest(name); sum != "" {
		o.artifact = name
		planned, err = o.registry.pullPlan(ctx, streams, name)
	} else {
		var data []byte
		if data, err = readInput(streams, name); err != nil {
			advice := ""
			if _, noPullSpec := registry.ParsePullSpec(name); errors.Is(err, fs.ErrNotExist) && noPullSpec == nil {
				advice = "A plan in a registry is named by its digest, REPOSITORY@sha256:…, as `oc rebuild plan --push` prints it."
			}
			return nil, fault.New(fault.KindOf(err), advice, err)
		}
		planned, err = plan.Read(data)
	}
	if err != nil {
		return nil, fmt.Errorf("plan %q: %w", name, err)
	}
	return planned, o.registry.planned(planned.Platform)
}

// planned takes the platform of a plan, which --platform must not contradict. Where it names several it names that
// first.
func (o *registryOptions) planned(platform string) error {
	if platform == "" { // of an older program
		return nil
	}
	if o.isDefault() {
		o.Platform = platform
		return nil
	}
	named, err := registry.ParsePlatform(o.platforms()[0])
	its, itsErr := registry.ParsePlatform(platform)
	if err := errors.Join(err, itsErr); err != nil {
		return err
	}
	if named.Normal() != its.Normal() {
		return fault.Errorf(fault.Usage, "the plan is for %s, and not for %s", its, named)
	}
	return nil
}

func (o *registryOptions) pullPlan(ctx context.Context, streams Streams, pullSpec string) (_ *plan.Plan, err error) {
	client, err := o.first().client(streams.notice)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	return artifact.Pull(ctx, client, pullSpec)
}

// pushPlan sends a plan that was read, and that nothing comes with, to a repository, and returns its pull spec by
// digest.
func (o *registryOptions) pushPlan(ctx context.Context, streams Streams, planned *plan.Plan,
	repository string) (pullSpec string, err error) {
	_, pushing, closeClients, err := o.clients(streams.notice)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, closeClients()) }()
	return artifact.Push(ctx, pushing, repository, planned, nil)
}
