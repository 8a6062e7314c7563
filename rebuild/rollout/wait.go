package rollout

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// away is how long the API server may not answer while a rollout is followed.
const away = 5 * time.Minute

// workload is what a Deployment, a DaemonSet or a StatefulSet says of its pods.
type workload struct {
	Metadata struct {
		Generation int64 `json:"generation"`
	} `json:"metadata"`
	Spec struct {
		Replicas *int64 `json:"replicas"`
		Selector struct {
			MatchLabels map[string]string `json:"matchLabels"`
		} `json:"selector"`
		Template pod `json:"template"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64 `json:"observedGeneration"`
		Replicas           int64 `json:"replicas"`
		UpdatedReplicas    int64 `json:"updatedReplicas"`
		AvailableReplicas  int64 `json:"availableReplicas"`

		DesiredNumberScheduled int64 `json:"desiredNumberScheduled"` // of a DaemonSet
		UpdatedNumberScheduled int64 `json:"updatedNumberScheduled"`
		NumberAvailable        int64 `json:"numberAvailable"`

		Conditions []struct {
			Type    string `json:"type"`
			Status  string `json:"status"`
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"conditions"`
	} `json:"status"`
}

// pod is the part of a pod, and of what a workload makes pods of, that this program changes.
type pod struct {
	Metadata struct {
		Name              string            `json:"name"`
		Annotations       map[string]string `json:"annotations"`
		DeletionTimestamp string            `json:"deletionTimestamp"`
	} `json:"metadata"`
	Spec struct {
		InitContainers []podContainer `json:"initContainers"`
		Containers     []podContainer `json:"containers"`
	} `json:"spec"`
	Status struct {
		InitContainerStatuses []containerStatus `json:"initContainerStatuses"`
		ContainerStatuses     []containerStatus `json:"containerStatuses"`
	} `json:"status"`
}

type podContainer struct {
	Name  string `json:"name"`
	Image string `json:"image"`
}

type containerStatus struct {
	State struct {
		Waiting struct {
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"waiting"`
	} `json:"state"`
}

// isOf reports whether a pod is made of a template as it is now. One of an earlier template may be broken: that is why
// something else is deployed.
func (p *pod) isOf(template *pod) bool {
	have := slices.Concat(p.Spec.InitContainers, p.Spec.Containers) // more than the template's where some are injected
	for _, c := range slices.Concat(template.Spec.InitContainers, template.Spec.Containers) {
		if !slices.Contains(have, c) {
			return false
		}
	}
	return p.Metadata.Annotations[restarted] == template.Metadata.Annotations[restarted]
}

// progress says how many pods are wanted, have what is wanted, and are available.
func (w *workload) progress(object Object) (want, updated, available int64) {
	if object.Kind == "DaemonSet" {
		return w.Status.DesiredNumberScheduled, w.Status.UpdatedNumberScheduled, w.Status.NumberAvailable
	}
	want = 1
	if w.Spec.Replicas != nil {
		want = *w.Spec.Replicas
	}
	return want, w.Status.UpdatedReplicas, w.Status.AvailableReplicas
}

// Wait follows workloads until all their pods are new and available, asking every so often. An image that cannot be
// pulled, or a container that does not start, is an error of class fault.Publish.
func (c *Cluster) Wait(ctx context.Context, objects []Object, every time.Duration) error {
	said := map[Object]string{}
	answered := time.Now()
	left := slices.Clone(objects)
	for {
		var next []Object
		for _, object := range left {
			done, text, err := c.look(ctx, object)
			var broken *brokenError
			switch {
			case ctx.Err() != nil:
				return fmt.Errorf("waiting for %s: %w", object, context.Cause(ctx))
			case errors.As(err, &broken):
				return fault.New(fault.Publish,
					fmt.Sprintf("oc -n %s describe pod %s; `oc rebuild restore` puts back what was there.",
						object.Namespace, broken.pod),
					fmt.Errorf("%s does not start: %w", object, err))
			case err != nil && time.Since(answered) > away:
				return fmt.Errorf("following %s: %w", object, err)
			case err == nil:
				answered = time.Now()
			}
			if text != "" && text != said[object] {
				said[object] = text
				c.tell("%s: %s", object, text)
			}
			if !done {
				next = append(next, object)
			}
		}
		if left = next; len(left) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", strings.Join(mapped(left, Object.String), ", "), context.Cause(ctx))
		case <-time.After(every):
		}
	}
}

// brokenError tells of a pod that will not start by itself.
type brokenError struct{ pod, reason, message string }

// Error implements error.
func (e *brokenError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("pod %s: %s: %s", e.pod, e.reason, e.message), ": ")
}

// look tells how far a workload is.
func (c *Cluster) look(ctx context.Context, object Object) (done bool, text string, err error) {
	var w workload
	if err := c.API.Get(ctx, object.path(), &w); err != nil {
		return false, "", err
	}
	want, updated, available := w.progress(object)
	switch {
	case w.Status.ObservedGeneration < w.Metadata.Generation:
		return false, "", nil
	case updated >= want && available >= want && w.Status.Replicas <= max(want, w.Status.UpdatedReplicas):
		return true, fmt.Sprintf("all %d pods are new and available", want), nil
	}
	for _, condition := range w.Status.Conditions {
		if condition.Type == "Progressing" && condition.Reason == "ProgressDeadlineExceeded" {
			return false, "", &brokenError{"-l " + selector(w.Spec.Selector.MatchLabels), condition.Reason,
				condition.Message}
		}
	}
	return false, fmt.Sprintf("%d of %d pods are new, %d available", updated, want, available),
		c.podTrouble(ctx, object, w)
}

func selector(labels map[string]string) string {
	var terms []string
	for key, value := range labels {
		terms = append(terms, key+"="+value)
	}
	slices.Sort(terms)
	return strings.Join(terms, ",")
}

// podTrouble returns what keeps a new pod of a workload from starting, if it is nothing that passes.
func (c *Cluster) podTrouble(ctx context.Context, object Object, w workload) error {
	var pods struct {
		Items []pod `json:"items"`
	}
	query := url.Values{"labelSelector": {selector(w.Spec.Selector.MatchLabels)}}
	if err := c.API.Get(ctx, "api/v1/namespaces/"+object.Namespace+"/pods?"+query.Encode(), &pods); err != nil {
		return nil // whoever may not list pods waits for the deadline of the Deployment
	}
	for _, pod := range pods.Items {
		if pod.Metadata.DeletionTimestamp != "" || !pod.isOf(&w.Spec.Template) {
			continue
		}
		for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			switch waiting := s.State.Waiting; waiting.Reason {
			case "ImagePullBackOff", "InvalidImageName", "CrashLoopBackOff", "CreateContainerConfigError",
				"CreateContainerError", "RunContainerError":
				return &brokenError{pod.Metadata.Name, waiting.Reason, waiting.Message}
			}
		}
	}
	return nil
}
