package rebuild

import (
	"context"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
)

// assemble makes the new payload and pushes it, its tag last.
func (j *Job) assemble(ctx context.Context, w *work, all *outcomes) (*Result, error) {
	var changes []payload.Change
	var components []ResultComponent
	for _, u := range w.units {
		change := payload.Change{Component: u.target.Name, Image: u.swapped}
		component := ResultComponent{Name: u.target.Name, Image: u.swapped, Commit: u.tree.Commit, Dirty: u.tree.Dirty}
		if made := all.get(u); made != nil {
			change.Image, change.Labels = made.pullSpec, made.artifact.Labels
			change.Created, change.Manifests = made.artifact.Created, made.artifact.Manifests
			component.Image, component.Log = made.pullSpec, made.log
		}
		_, component.Digest = registry.SplitDigest(component.Image)
		changes, components = append(changes, change), append(components, component)
	}
	stop := j.clock.start("", StageAssemble)
	manifests, err := payload.OpenCache(j.cached(cache.Manifests))
	if err != nil {
		return nil, err
	}
	defer manifests.Close()
	assembly, err := payload.Assemble(ctx, j.Reading, w.release, changes, payload.AssembleOptions{Name: w.request.Name, Cache: manifests})
	stop()
	if err != nil {
		return nil, err
	}
	j.report("", StageAssemble, Done, "%s", describeMethod(assembly))
	pushed, err := j.publish(ctx, assembly, w.request.To)
	if err != nil {
		return nil, err
	}
	result := &Result{
		Release:    ResultRelease{Image: pushed.Image, Digest: pushed.Digest, Name: assembly.Name},
		Components: components,
		Seconds:    j.clock.seconds(""),
	}
	for i := range result.Components {
		result.Components[i].Seconds = j.clock.seconds(result.Components[i].Name)
	}
	return result, nil
}

// describeMethod says how a payload was assembled.
func describeMethod(a *payload.Assembly) string {
	if a.Reason == "" {
		return "as a " + string(a.Method)
	}
	return string(a.Method) + ": " + a.Reason
}
