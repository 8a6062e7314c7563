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
	// Unfinished is an override of this program without components: Set or Restore was killed. Without either, somebody
	// else made it.
	Unfinished bool `json:"unfinished,omitempty"`
}

// List lists the objects that the cluster version operator leaves alone.
func (c *Cluster) List(ctx context.Context) ([]Entry, error) {
	var version clusterVersion
	if err := c.API.Get(ctx, versionPath, &version); err != nil {
		return nil, fmt.Errorf("reading the cluster version's overrides: %w", err)
	}
	ours, err := version.ours()
	if err != nil {
		return nil, err
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
		entry.Unfinished = len(entry.Components) == 0 && slices.Contains(ours, one.Object)
		entries = append(entries, entry)
	}
	return entries, nil
}

// Restore puts back what was there before, of some components or of all, and hands the objects back to the cluster
// version operator. It returns the workloads whose pods are replaced by that. Overrides that somebody else made stay.
// What a killed run did not finish is finished.
func (c *Cluster) Restore(ctx context.Context, components ...string) ([]Object, error) {
	entries, err := c.List(ctx)
	if err != nil {
		return nil, err
	}
	var workloads, restart []Object
	restored := map[Object][]string{} // what is put back and still recorded, because its readers have not read it yet
	done, finished := map[string]bool{}, false
	for _, entry := range entries {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(entry.Components)) {
			if len(components) == 0 || slices.Contains(components, name) {
				names = append(names, name)
				done[name] = true
				restart = append(restart, entry.Components[name].Readers...)
			}
		}
		switch {
		case entry.Unfinished:
			if err := c.agree(ctx, entry.Object); err != nil {
				return nil, err
			}
			finished = true
			c.tell("%s is left to the cluster version operator again", entry.Object)
		case len(names) == 0:
			continue
		default:
			end := entry.Object.isWorkload()
			if err := c.takeBack(ctx, entry.Object, names, end); err != nil {
				return nil, err
			}
			if !end {
				restored[entry.Object] = names
			}
		}
		if entry.Object.isWorkload() && !entry.Missing {
			workloads = append(workloads, entry.Object)
		}
	}
	for _, name := range components {
		if !done[name] && !finished {
			return nil, fault.New(fault.Unresolved, "`oc rebuild status` lists what is deployed.",
				fmt.Errorf("%q is not deployed on cluster %s", name, c.API.Host))
		}
	}
	slices.SortFunc(restart, func(a, b Object) int { return strings.Compare(a.String(), b.String()) })
	restartedNow, err := c.restart(ctx, slices.Compact(restart), time.Now(), true)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if names := restored[entry.Object]; len(names) > 0 {
			if err := c.takeBack(ctx, entry.Object, names, true); err != nil {
				return nil, err
			}
		}
	}
	return append(workloads, restartedNow...), nil
}

// takeBack puts back what components were before. Unless that is the end of it, it stays recorded.
func (c *Cluster) takeBack(ctx context.Context, object Object, names []string, end bool) error {
	_, err := c.change(ctx, object, func(live map[string]any) (bool, error) {
		return true, takeBack(live, object, names, end)
	})
	if err != nil {
		return fmt.Errorf("restoring %s: %w", object, err)
	}
	if !end {
		return nil
	}
	c.tell("%s is as it was before %s", object, strings.Join(names, ", "))
	return c.agree(ctx, object)
}

// takeBack is Cluster.takeBack in what was read of an object.
func takeBack(live map[string]any, object Object, names []string, end bool) error {
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
		if end {
			delete(all, name)
		}
	}
	return setRecords(live, all)
}
