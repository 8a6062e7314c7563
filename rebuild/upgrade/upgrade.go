// Package upgrade brings a cluster to a payload and says how far it is, as `oc adm upgrade --to-image …
// --allow-explicit-upgrade --force` and looking at the ClusterVersion afterwards do.
package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

const (
	path = "apis/config.openshift.io/v1/clusterversions/version"

	// away is how long the API server may not answer: it is restarted on the way.
	away = 15 * time.Minute
	// refusals is how often the cluster may say that it does not accept the payload. It tries again by itself.
	refusals = 6
)

// version is the part of a ClusterVersion that tells of an upgrade.
type version struct {
	Status struct {
		Desired    cluster.Release `json:"desired"`
		Conditions []condition     `json:"conditions"`
		History    []struct {
			State string `json:"state"` // Completed or Partial
			Image string `json:"image"`
		} `json:"history"` // latest first
	} `json:"status"`
}

type condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Message string `json:"message"`
}

// message returns what a condition says while it has a status.
func (v *version) message(kind, status string) (string, bool) {
	for _, c := range v.Status.Conditions {
		if c.Type == kind && c.Status == status {
			return c.Message, true
		}
	}
	return "", false
}

// Check refuses a cluster that cannot be upgraded now, before anything is built: its user may not do it, or another
// upgrade is under way.
func Check(ctx context.Context, c *cluster.Cluster) error {
	var v version
	if err := c.Get(ctx, path, &v); err != nil {
		return fmt.Errorf("asking whether the cluster can be upgraded: %w", err)
	}
	allowed, err := c.Allows(ctx, cluster.Action{Verb: "patch", Group: "config.openshift.io",
		Resource: "clusterversions", Name: "version"})
	if err != nil {
		return fmt.Errorf("asking whether the cluster can be upgraded: %w", err)
	}
	if !allowed {
		return fault.New(fault.Unauthorized, "Log in as a cluster administrator, or leave --upgrade away.",
			fmt.Errorf("cluster %s: this user may not change its version", c.Host))
	}
	if text, ok := v.message("Progressing", "True"); ok {
		return fault.New(fault.Unresolved, "`oc adm upgrade` says how far it is.",
			fmt.Errorf("cluster %s is on its way to another release: %s", c.Host, text))
	}
	return nil
}

// Start asks the cluster to go to a payload, given by digest. The payload is not signed, so that is forced.
func Start(ctx context.Context, c *cluster.Cluster, image string) error {
	type update struct {
		Image        string  `json:"image"`
		Force        bool    `json:"force"`
		Version      *string `json:"version"`      // null: what an earlier update named goes
		Architecture *string `json:"architecture"` //
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"desiredUpdate": update{Image: image,
		Force: true}}})
	if err != nil {
		return fmt.Errorf("asking for the upgrade: %w", err)
	}
	if err := c.Merge(ctx, path, patch); err != nil {
		return fmt.Errorf("asking for the upgrade: %w", err)
	}
	return nil
}

// Follow waits until the cluster runs a payload, asking every so often. tell hears each new thing that the cluster
// says. A cluster that does not accept the payload is an error with the reason.
func Follow(ctx context.Context, c *cluster.Cluster, image string, every time.Duration, tell func(string)) error {
	said, refused := "", 0
	answered := time.Now()
	for {
		var v version
		switch err := c.Get(ctx, path, &v); {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && time.Since(answered) > away:
			return fmt.Errorf("following the upgrade: %w", err)
		case err == nil:
			answered = time.Now()
			if v.isAt(image) {
				tell("the cluster runs " + image)
				return nil
			}
			text, notAccepted := v.message("ReleaseAccepted", "False")
			if notAccepted {
				if refused++; refused >= refusals {
					return fault.New(fault.Unresolved,
						"`oc adm upgrade` says more; a payload that the cluster cannot pull needs a pull secret, or a public repository.",
						errors.New("the cluster does not accept the payload: "+text))
				}
			} else {
				refused = 0
				text, _ = v.message("Progressing", "True")
			}
			if failing, ok := v.message("Failing", "True"); ok {
				text = failing
			}
			if text != "" && text != said {
				said = text
				tell(text)
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(every):
		}
	}
}

// isAt reports whether the cluster has arrived at a payload.
func (v *version) isAt(image string) bool {
	history := v.Status.History
	_, moving := v.message("Progressing", "True")
	return !moving && len(history) > 0 && history[0].Image == image && history[0].State == "Completed"
}
