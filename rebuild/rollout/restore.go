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
	Components map[string]Record `json:"components"`        // none: see Unfinished
	// Unfinished is an override that was to be removed by Restore. Without components and this, somebody else made it.
	Unfinished bool `json:"unfinished,omitempty"`
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
			entry.Unfinished = len(entry.Components) == 0 && isOurs(live)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// Restore puts back what was there before, of some components or of all, and hands the objects back to the cluster
// version operator. It returns the workloads whose pods are replaced by that. Overrides that somebody else made stay. What
// an earlier Restore did not finish is finished.
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
		if entry.Unfinished {
			if err := c.handBack(ctx, entry.Object); err != nil {
				return nil, err
			}
			c.tell("%s is left to the cluster version operator again", entry.Object)
		}
		if len(names) == 0 {
			continue
		}
		_, err := c.change(ctx, entry.Object, func(live map[string]any) (bool, error) {
			return true, takeBack(live, entry.Object, names)
		})
		if err != nil {
			return nil, fmt.Errorf("restoring %s: %w", entry.Object, err)
		}
		if err := c.handBack(ctx, entry.Object); err != nil {
			return nil, err
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
			return nil, fault.New(fault.Unresolved, "`oc rebuild status` lists what is deployed.",
				fmt.Errorf("%q is not deployed on cluster %s", name, c.API.Host))
		}
	}
	slices.SortFunc(restart, func(a, b Object) int { return strings.Compare(a.String(), b.String()) })
	restartedNow, err := c.restart(ctx, slices.Compact(restart), time.Now())
	return append(workloads, restartedNow...), err
}

// handBack leaves an object to the cluster version operator if nothing is deployed in it any more.
func (c *Cluster) handBack(ctx context.Context, object Object) error {
	if err := c.agree(ctx, object); err != nil {
		return err
	}
	if _, err := c.change(ctx, object, forget); err != nil {
		return fmt.Errorf("restoring %s: %w", object, err)
	}
	return nil
}

// takeBack puts back what components were before.
func takeBack(live map[string]any, object Object, names []string) error {
	all, err := records(live)
	if err != nil {
		return err
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
	return setRecords(live, all)
}
