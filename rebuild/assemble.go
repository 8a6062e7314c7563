package rebuild

import (
	"context"
	"path/filepath"

	"github.com/oc-rebuild/oc-rebuild/internal/registry"
	"github.com/oc-rebuild/oc-rebuild/payload"
	"github.com/oc-rebuild/oc-rebuild/rebuild/cache"
	"github.com/oc-rebuild/oc-rebuild/rebuild/image"
	"github.com/oc-rebuild/oc-rebuild/rebuild/plan"
	"github.com/oc-rebuild/oc-rebuild/rebuild/progress"
)

// assemble makes the new payload and pushes it, its tag last. platforms are those of a manifest list; nil = it is one
// image.
func (j *Job) assemble(ctx context.Context, release *payload.Release, request plan.Request, planned *plan.Plan,
	made map[string]image.Need, platforms []registry.Platform) (*Result, error) {
	var changes []payload.Change
	for _, planned := range planned.Components {
		change := payload.Change{Component: planned.Name, Image: planned.Target}
		if finished, ok := made[planned.Name]; ok {
			change.Image, change.Labels = finished.Image.PullSpec, finished.Image.Labels
			change.Created, change.Manifests = finished.Image.Created, finished.Image.Manifests
		}
		changes = append(changes, change)
	}
	stop := j.report.Start("", progress.Assemble)
	manifests, err := payload.OpenCache(filepath.Join(j.options.CacheDir, cache.Manifests))
	if err != nil {
		return nil, err
	}
	defer manifests.Close()
	components, name := j.components(planned, made), request.Name
	if name == plan.NameAuto {
		name = nameFor(release.Name, components)
	}
	assembly, err := payload.Assemble(ctx, j.options.Reading, release, changes,
		payload.AssembleOptions{Name: name, Cache: manifests, KeepList: platforms != nil, Platforms: platforms})
	stop()
	if err != nil {
		return nil, err
	}
	j.report.Report("", progress.Assemble, progress.Done, "%s", describeMethod(assembly))
	named := assembly.Name
	if request.Name == plan.NameAuto { // which a tag says anyway
		named = release.Name
	}
	to, err := tagged(request.To, named, components)
	if err != nil {
		return nil, err
	}
	pushed, err := j.publish(ctx, assembly, to)
	if err != nil {
		return nil, err
	}
	return &Result{
		Release:    ResultRelease{Image: pushed.Image, Digest: pushed.Digest, Name: assembly.Name},
		Components: components,
		Seconds:    j.report.Seconds(""),
	}, nil
}

// components describes the images of a plan that are made, or swapped in.
func (j *Job) components(planned *plan.Plan, made map[string]image.Need) []ResultComponent {
	var components []ResultComponent
	for _, planned := range planned.Components {
		component := ResultComponent{Name: planned.Name, Image: planned.Target, Repository: planned.Source.Repository,
			Commit: planned.Source.Commit, Dirty: planned.Source.Dirty, Seconds: j.report.Seconds(planned.Name)}
		if finished, ok := made[planned.Name]; ok {
			component.Image, component.Log = finished.Image.PullSpec, finished.Image.Log
		}
		_, component.Digest = registry.SplitDigest(component.Image)
		components = append(components, component)
	}
	return components
}

// describeMethod says how a payload was assembled.
func describeMethod(a *payload.Assembly) string {
	if a.Reason == "" {
		return "as a " + string(a.Method)
	}
	return string(a.Method) + ": " + a.Reason
}
