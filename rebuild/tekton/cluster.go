package tekton

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

const api = "apis/tekton.dev/v1"

// Cluster is a namespace of a cluster with Tekton.
type Cluster struct {
	API *cluster.Cluster // its Namespace is where runs are

	Poll time.Duration // how often it is asked how far a run is; 0 = each second
	// how long the rest of the logs is waited for once a run has ended; 0 = 30 s
	LastWords time.Duration
}

func (c *Cluster) path(collection string) string {
	return api + "/namespaces/" + url.PathEscape(c.API.Namespace) + "/" + collection
}

// ErrNone is the error of a cluster that cannot carry out plans.
var ErrNone = errors.New("has no Tekton")

// Check returns why no run could be made, or followed where it is to be: the cluster has no Tekton, or its user may not.
func (c *Cluster) Check(ctx context.Context, followed bool) error {
	if err := c.API.Get(ctx, api, nil); errors.Is(err, cluster.ErrNotFound) {
		return fault.New(fault.Unresolved,
			"Install the OpenShift Pipelines operator, or Tekton Pipelines 0.53 or later.",
			fmt.Errorf("cluster %s %w", c.API.Host, ErrNone))
	} else if err != nil {
		return err
	}
	actions := []cluster.Action{
		{Verb: "create", Group: "tekton.dev", Resource: "tasks"},
		{Verb: "create", Group: "tekton.dev", Resource: "pipelineruns"},
	}
	if followed {
		actions = append(actions, cluster.Action{Verb: "get", Group: "tekton.dev", Resource: "pipelineruns"},
			cluster.Action{Verb: "patch", Group: "tekton.dev", Resource: "pipelineruns"}, // to cancel
			cluster.Action{Verb: "list", Group: "tekton.dev", Resource: "taskruns"},
			cluster.Action{Verb: "list", Resource: "pods"})
	}
	for _, action := range actions {
		action.Namespace = c.API.Namespace
		allowed, err := c.API.Allows(ctx, action)
		if err != nil {
			return err
		}
		if !allowed {
			return fault.New(fault.Unauthorized, "Name a namespace with -n in which it may.",
				fmt.Errorf("cluster %s: this user may not %s %s in namespace %q", c.API.Host, action.Verb,
					action.Resource, c.API.Namespace))
		}
	}
	return nil
}

// Start creates the objects.
func (c *Cluster) Start(ctx context.Context, objects Objects) error {
	for _, object := range objects.All() {
		path := c.path("tasks")
		switch object.(type) {
		case Run:
			path = c.path("pipelineruns")
		case ConfigMap:
			path = "api/v1/namespaces/" + url.PathEscape(c.API.Namespace) + "/configmaps"
		}
		data, err := json.Marshal(object)
		if err != nil {
			return fmt.Errorf("writing the run: %w", err)
		}
		// Others that are there already are the same; the run is there, since its name is random, where the answer to
		// an earlier request was lost.
		if err := c.API.Create(ctx, path, data, nil); err != nil && !errors.Is(err, cluster.ErrExists) {
			return fmt.Errorf("creating the run: %w", err)
		}
	}
	return nil
}

// Cancel ends a run, and returns once none of its pods is left, or ctx is done. It does nothing to one that has ended,
// which Tekton refuses to have changed.
func (c *Cluster) Cancel(ctx context.Context, name string) error {
	path := c.path("pipelineruns/" + url.PathEscape(name))
	var run runState
	if err := c.API.Get(ctx, path, &run); err == nil && run.Status.CompletionTime != "" {
		return nil
	}
	if err := c.API.Merge(ctx, path, []byte(`{"spec":{"status":"Cancelled"}}`)); err != nil {
		return fmt.Errorf("cancelling the run: %w", err)
	}
	for {
		var pods struct {
			Items []struct {
				Status struct {
					Phase string `json:"phase"`
				} `json:"status"`
			} `json:"items"`
		}
		path := "api/v1/namespaces/" + url.PathEscape(c.API.Namespace) + "/pods?" + selector(name)
		if err := c.API.Get(ctx, path, &pods); err != nil {
			return fmt.Errorf("waiting for the end of the run's pods: %w", err)
		}
		left := 0
		for _, pod := range pods.Items {
			if pod.Status.Phase != "Succeeded" && pod.Status.Phase != "Failed" {
				left++
			}
		}
		if left == 0 {
			return nil
		}
		if err := c.wait(ctx); err != nil {
			return fmt.Errorf("waiting for the end of the run's pods, of which %d are left: %w", left, err)
		}
	}
}

// selector is the query for what Tekton makes of a run.
func selector(run string) string {
	return url.Values{"labelSelector": {"tekton.dev/pipelineRun=" + run}}.Encode()
}

func (c *Cluster) wait(ctx context.Context) error {
	pause := c.Poll
	if pause == 0 {
		pause = time.Second
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(pause):
		return nil
	}
}

// Summary is a run in a list. Its JSON form is what `oc rebuild runs -o json` prints.
type Summary struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	From    string    `json:"fromRelease"`
	To      string    `json:"toImage"`
	State   string    `json:"state"`             // Tekton's reason: Running, Succeeded, Failed, Cancelled, …
	Message string    `json:"message,omitempty"` // Tekton's
	Payload string    `json:"payload,omitempty"` // by digest
	Seconds float64   `json:"seconds,omitempty"` // that it took
}

// List returns the runs of this program, the newest first.
func (c *Cluster) List(ctx context.Context) ([]Summary, error) {
	var list struct {
		Items []runState `json:"items"`
	}
	if err := c.API.Get(ctx, c.path("pipelineruns?"+url.Values{"labelSelector": {managedBy + "=" + manager}}.Encode()),
		&list); err != nil {
		return nil, err
	}
	runs := []Summary{}
	for _, run := range list.Items {
		state := succeeded(run.Status.Conditions)
		created, _ := time.Parse(time.RFC3339, run.Metadata.Created) // none in a test's cluster
		runs = append(runs, Summary{Name: run.Metadata.Name, Created: created,
			From: run.Metadata.Annotations[annotationFrom],
			To:   run.Metadata.Annotations[annotationTo], State: state.Reason, Message: state.Message,
			Payload: valueOf(run.Status.Results, "payload"),
			Seconds: seconds(run.Status.StartTime, run.Status.CompletionTime)})
	}
	slices.SortFunc(runs, func(a, b Summary) int { return b.Created.Compare(a.Created) })
	return runs, nil
}

// seconds between two times of the cluster's; 0 where there is not yet an end.
func seconds(from, to string) float64 {
	begin, err := time.Parse(time.RFC3339, from)
	end, endErr := time.Parse(time.RFC3339, to)
	if err != nil || endErr != nil {
		return 0
	}
	return end.Sub(begin).Seconds()
}
