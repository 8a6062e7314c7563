package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Entry is an object that the cluster version operator leaves alone, and why.
type Entry struct {
	Object     Object            `json:"object"`
	Missing    bool              `json:"missing,omitempty"` // the cluster does not have it
	Components map[string]Record `json:"components"`        // none: somebody else made the override
}

// List lists the objects that the cluster version operator leaves alone.
func (c *Cluster) List(ctx context.Context) ([]Entry, error) {
	var version clusterVersion
	if err := c.API.Get(ctx, versionPath, &version); err != nil {
		return nil, fmt.Errorf("reading the cluster version's overrides: %w", err)
	}
	entries := []Entry{}
	for _, one := range version.Spec.Overrides {
		if !one.Unmanaged {
			continue
		}
		entry := Entry{Object: one.Object}
		var live map[string]any
		err := c.API.Get(ctx, one.path(), &live)
		if entry.Missing = errors.Is(err, cluster.ErrNotFound); err != nil && !entry.Missing {
			return nil, fmt.Errorf("reading %s: %w", one.Object, err)
		}
		if err == nil {
			if entry.Components, err = records(live); err != nil {
				return nil, fmt.Errorf("%s: %w", one.Object, err)
			}
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// Restore puts back what was there before, of some components or of all, and hands the objects back to the cluster
// version operator. It returns the workloads whose pods are replaced by that. Overrides that somebody else made stay.
func (c *Cluster) Restore(ctx context.Context, components ...string) ([]Object, error) {
	entries, err := c.List(ctx)
	if err != nil {
		return nil, err
	}
	var workloads, restart []Object
	done := map[string]bool{}
	for _, entry := range entries {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(entry.Components)) {
			if len(components) == 0 || slices.Contains(components, name) {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			continue
		}
		left := 0
		_, err := c.change(ctx, entry.Object, func(live map[string]any) (_ bool, err error) {
			left, err = takeBack(live, entry.Object, names)
			return true, err
		})
		if err != nil {
			return nil, fmt.Errorf("restoring %s: %w", entry.Object, err)
		}
		if left == 0 {
			if err := c.handBack(ctx, entry.Object); err != nil {
				return nil, err
			}
		}
		c.tell("%s is as it was before %s", entry.Object, strings.Join(names, ", "))
		for _, name := range names {
			if done[name] = true; !entry.Object.isWorkload() {
				restart = append(restart, entry.Components[name].Readers...)
			}
		}
		if entry.Object.isWorkload() {
			workloads = append(workloads, entry.Object)
		}
	}
	for _, name := range components {
		if !done[name] {
			return nil, fault.New(fault.Unresolved, "`oc rebuild status` lists what is deployed.", fmt.Errorf("%q is not deployed on cluster %s", name, c.API.Host))
		}
	}
	slices.SortFunc(restart, func(a, b Object) int { return strings.Compare(a.String(), b.String()) })
	restartedNow, err := c.restart(ctx, slices.Compact(restart), time.Now())
	return append(workloads, restartedNow...), err
}

// handBack ends the override of an object that nothing is deployed in. Where somebody deployed something meanwhile it
// is made again: whoever deploys looks for it before and after.
func (c *Cluster) handBack(ctx context.Context, object Object) error {
	if err := c.override(ctx, object, false); err != nil {
		return err
	}
	var live map[string]any
	err := c.API.Get(ctx, object.path(), &live)
	if errors.Is(err, cluster.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", object, err)
	}
	all, err := records(live)
	if err != nil || len(all) == 0 {
		return err
	}
	return c.override(ctx, object, true)
}

// takeBack puts back what components were before, and returns how many others are deployed in the object.
func takeBack(live map[string]any, object Object, names []string) (left int, err error) {
	all, err := records(live)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		record := all[name]
		for key, original := range record.Original {
			place := placeOf(object, key)
			at, ok := find(live, place)
			switch {
			case !ok: // the container is gone: nothing is to be put back
			case place.isPart():
				at.set(strings.ReplaceAll(at.get(), record.Image, original))
			case at.get() == record.Image: // what somebody else put there stays
				at.set(original)
			}
		}
		delete(all, name)
	}
	return len(all), setRecords(live, all)
}
