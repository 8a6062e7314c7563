package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

const (
	versionPath = "apis/config.openshift.io/v1/clusterversions/version"
	attempts    = 8 // of a change that another one came before
)

// Cluster is the cluster whose objects are changed.
type Cluster struct {
	API *cluster.Cluster
	// Tell hears what is done; it may be nil.
	Tell func(string)
}

func (c *Cluster) tell(format string, args ...any) {
	if c.Tell != nil {
		c.Tell(fmt.Sprintf(format, args...))
	}
}

// Check refuses what the user of the cluster may not do, before anything is built, and a cluster that has none of the
// places.
func (c *Cluster) Check(ctx context.Context, sites Sites) error {
	if err := c.allowed(ctx, "patch", Object{Kind: "ClusterVersion", Group: "config.openshift.io",
		Name: "version"}); err != nil {
		return err
	}
	for _, object := range append(sites.objects(), sites.Readers...) {
		if err := c.allowed(ctx, "update", object); err != nil {
			return err
		}
	}
	there := false
	for _, object := range sites.objects() {
		var live map[string]any
		err := c.API.Get(ctx, object.path(), &live)
		if err != nil && !errors.Is(err, cluster.ErrNotFound) {
			return fmt.Errorf("reading %s: %w", object, err)
		}
		there = there || err == nil
	}
	if !there {
		return fault.Errorf(fault.Unresolved, "cluster %s has none of the objects that run %q: %s",
			c.API.Host, sites.Component,
			strings.Join(mapped(sites.Places, Place.String), "; "))
	}
	return nil
}

func (c *Cluster) allowed(ctx context.Context, verb string, object Object) error {
	allowed, err := c.API.Allows(ctx, cluster.Action{Verb: verb, Group: object.Group, Resource: object.resource(),
		Namespace: object.Namespace, Name: object.Name})
	if err != nil {
		return fmt.Errorf("asking what the cluster allows: %w", err)
	}
	if !allowed {
		return fault.New(fault.Unauthorized, "Log in as a cluster administrator.",
			fmt.Errorf("cluster %s: this user may not %s %s", c.API.Host, verb,
				strings.TrimSuffix(object.String(), " in ")))
	}
	return nil
}

func mapped[T any](list []T, text func(T) string) []string {
	var all []string
	for _, item := range list {
		all = append(all, text(item))
	}
	return all
}

// objects lists the objects of the places, each once.
func (s Sites) objects() []Object {
	var all []Object
	for _, place := range s.Places {
		if !slices.Contains(all, place.Object) {
			all = append(all, place.Object)
		}
	}
	return all
}

// Set puts an image in all places of a component that the cluster has, and returns the workloads whose pods are
// replaced by that.
func (c *Cluster) Set(ctx context.Context, sites Sites, record Record) ([]Object, error) {
	var workloads []Object
	var due time.Time // when the image of a ConfigMap was put there that its readers have to read
	there, restart := false, false
	for _, object := range sites.objects() {
		ours, err := c.override(ctx, object, true)
		if err != nil {
			return nil, err
		}
		changed, err := c.change(ctx, object,
			func(live map[string]any) (bool, error) {
				changed, err := put(live, object, sites, record)
				if recorded, e := records(live); err == nil && e == nil && !object.isWorkload() {
					due = recorded[sites.Component].Since
				}
				return changed, err
			})
		missing := errors.Is(err, cluster.ErrNotFound)
		if err != nil && !missing {
			err = fmt.Errorf("changing %s: %w", object, err)
			if ours { // or nobody takes it for something to restore
				err = errors.Join(err, c.settle(ctx, object))
			}
			return nil, err
		}
		if err := c.agree(ctx, object); err != nil { // somebody may have restored something there meanwhile
			return nil, err
		}
		if missing {
			continue
		}
		there = true
		if object.isWorkload() {
			workloads = append(workloads, object)
		} else {
			restart = restart || changed
		}
		if changed {
			c.tell("%s has %s", object, record.Image)
		}
	}
	if restart {
		due = record.Since
	}
	if !due.IsZero() {
		restarted, err := c.restart(ctx, sites.Readers, due, restart)
		if err != nil {
			return nil, err
		}
		workloads = append(workloads, restarted...)
	}
	if !there {
		return nil, fault.Errorf(fault.Unresolved, "the cluster has none of the objects that run %q", sites.Component)
	}
	return workloads, nil
}

// put changes an object, and reports whether it did.
func put(live map[string]any, object Object, sites Sites, record Record) (bool, error) {
	all, err := records(live)
	if err != nil {
		return false, err
	}
	before, again := all[sites.Component]
	known := sites.Image // what a text has among other things
	if again {
		known = before.Image
	}
	record.Original = map[string]string{}
	maps.Copy(record.Original, before.Original)
	if !object.isWorkload() {
		record.Readers = sites.Readers
	}
	changed, found := false, false
	for _, place := range sites.Places {
		at, ok := find(live, place)
		if place.Object != object || !ok {
			continue
		}
		found = true
		was, next := at.get(), record.Image
		if place.isPart() {
			part := known
			if !strings.Contains(was, part) && strings.Contains(was, sites.Image) {
				part = sites.Image // the cluster version operator put it back, and left the record
				delete(record.Original, place.key())
			}
			if !strings.Contains(was, part) {
				return false, fmt.Errorf("%s does not name %s any more: somebody else changed it", place, part)
			}
			next, was = strings.ReplaceAll(was, part, record.Image), part
		}
		at.set(next)
		if _, ok := record.Original[place.key()]; !ok {
			record.Original[place.key()] = was
		}
		changed = changed || was != record.Image
	}
	if !found {
		return false, cluster.ErrNotFound // an object of another cluster profile
	}
	if !changed && again {
		return false, nil
	}
	all[sites.Component] = record
	return true, setRecords(live, all)
}

// restart makes workloads replace their pods: all, or those that have not since that time, as where an earlier run was
// cut off. Workloads that the cluster does not have are left out.
func (c *Cluster) restart(ctx context.Context, workloads []Object, since time.Time, all bool) ([]Object, error) {
	var done []Object
	for _, object := range workloads {
		_, err := c.change(ctx, object, func(live map[string]any) (bool, error) {
			annotations := child(live, "spec", "template", "metadata", "annotations")
			text, _ := annotations[restarted].(string)
			if was, err := time.Parse(time.RFC3339Nano, text); err == nil && !was.Before(since) && !all {
				return false, nil
			}
			annotations[restarted] = since.UTC().Format(time.RFC3339Nano)
			return true, nil
		})
		if errors.Is(err, cluster.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("restarting %s: %w", object, err)
		}
		done = append(done, object)
	}
	return done, nil
}

// again does what reads an object, changes it and writes it back once more where somebody else was faster, after a
// time that grows and differs from user to user.
func again(ctx context.Context, what string, do func() error) error {
	for attempt := range attempts {
		if err := do(); !errors.Is(err, cluster.ErrExists) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rand.N(10 * time.Millisecond << attempt)):
		}
	}
	return fault.Errorf(fault.Publish, "%s was changed by somebody else %d times meanwhile", what, attempts)
}

// change reads an object, changes it and writes it back, and reports whether it did.
func (c *Cluster) change(ctx context.Context, object Object,
	edit func(map[string]any) (bool, error)) (changed bool, err error) {
	err = again(ctx, "it", func() error {
		var live map[string]any
		err := c.API.Get(ctx, object.path(), &live)
		if err == nil {
			changed, err = edit(live)
		}
		if err != nil || !changed {
			return err
		}
		body, err := json.Marshal(live)
		if err != nil {
			return err
		}
		return c.API.Replace(ctx, object.path(), body)
	})
	return changed && err == nil, err
}

// clusterVersion is the part of a ClusterVersion that tells the operator what to leave alone.
type clusterVersion struct {
	Metadata struct {
		ResourceVersion string            `json:"resourceVersion"`
		Annotations     map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Overrides []override `json:"overrides"`
	} `json:"spec"`
}

type override struct {
	Object
	Unmanaged bool `json:"unmanaged"`
}

// settling is how long it may take to take an override back after an interrupt.
const settling = 5 * time.Second

// settle is agree after something went wrong, be it an interrupt.
func (c *Cluster) settle(ctx context.Context, object Object) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer stop()
	return c.agree(ctx, object)
}

// agree makes the cluster version operator leave an object alone exactly if something is deployed in it. Whoever
// changes one of the two looks at the other afterwards, so that the last of several users leaves both as they should
// be.
func (c *Cluster) agree(ctx context.Context, object Object) error {
	for {
		live := map[string]any{} // of one that is not there, nothing
		err := c.API.Get(ctx, object.path(), &live)
		if err != nil && !errors.Is(err, cluster.ErrNotFound) {
			return fmt.Errorf("reading %s: %w", object, err)
		}
		deployed, err := records(live)
		if err != nil {
			return fmt.Errorf("%s: %w", object, err)
		}
		if changed, err := c.override(ctx, object, len(deployed) > 0); err != nil || !changed {
			return err
		}
	}
}

// overridesAnnotation of the cluster version lists, as JSON, the objects that it leaves alone because of this program. It
// is written together with the overrides: an object without records, where a run was killed, is still known by it.
const overridesAnnotation = "oc-rebuild/overrides"

// ours lists the objects that the cluster version operator leaves alone because of this program.
func (v *clusterVersion) ours() (list []Object, err error) {
	if text := v.Metadata.Annotations[overridesAnnotation]; text != "" {
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return nil, fmt.Errorf("reading annotation %s of the cluster version: %w", overridesAnnotation, err)
		}
	}
	return list, nil
}

// override tells the cluster version operator to leave an object alone, or not to, and reports whether that is news.
func (c *Cluster) override(ctx context.Context, object Object, unmanaged bool) (changed bool, err error) {
	err = again(ctx, "the cluster version", func() error {
		var version clusterVersion
		if err := c.API.Get(ctx, versionPath, &version); err != nil {
			return fmt.Errorf("reading the cluster version's overrides: %w", err)
		}
		ours, err := version.ours()
		if err != nil {
			return err
		}
		overrides := version.Spec.Overrides
		at := slices.IndexFunc(overrides, func(o override) bool { return o.Object == object })
		switch {
		case unmanaged && at >= 0 && overrides[at].Unmanaged,
			!unmanaged && !slices.Contains(ours, object): // what somebody set by hand stays
			return nil
		case unmanaged && at >= 0:
			overrides[at].Unmanaged = true
		case unmanaged:
			overrides = append(overrides, override{object, true})
		case at >= 0:
			overrides = slices.Delete(overrides, at, at+1)
		}
		ours = slices.DeleteFunc(ours, func(one Object) bool { return one == object })
		if unmanaged {
			ours = append(ours, object)
		}
		var list any // which takes the annotation away
		if len(ours) > 0 {
			text, err := json.Marshal(ours)
			if err != nil {
				return err
			}
			list = string(text)
		}
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
			"resourceVersion": version.Metadata.ResourceVersion,
			"annotations":     map[string]any{overridesAnnotation: list}},
			"spec": map[string]any{"overrides": overrides}})
		if err != nil {
			return err
		}
		if err := c.API.Merge(ctx, versionPath, patch); err != nil {
			return fmt.Errorf("writing the cluster version's overrides: %w", err)
		}
		changed = true
		return nil
	})
	return changed, err
}
