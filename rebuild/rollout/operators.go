package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oc-rebuild/oc-rebuild/internal/cluster"
	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// clusterOperators are what operators say of themselves.
type clusterOperators struct {
	Items []struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Status struct {
			Conditions []struct {
				Type    string `json:"type"`
				Status  string `json:"status"`
				Message string `json:"message"`
			} `json:"conditions"`
			RelatedObjects []struct {
				Resource string `json:"resource"`
				Name     string `json:"name"`
			} `json:"relatedObjects"`
		} `json:"status"`
	} `json:"items"`
}

// settledFor is how often in a row an operator must say that it is well: one that has just started has not looked yet.
const settledFor = 2

// Settle waits until the operators that the workloads belong to, by the namespaces that they name, say that they are
// available and have nothing more to do: an operator rolls out what it runs after itself. A cluster without them is
// settled.
func (c *Cluster) Settle(ctx context.Context, objects []Object, every time.Duration) error {
	said := ""
	for well := 0; ; {
		var all clusterOperators
		err := c.API.Get(ctx, "apis/config.openshift.io/v1/clusteroperators", &all)
		if errors.Is(err, cluster.ErrNotFound) || fault.KindOf(err) == fault.Unauthorized {
			return nil // nobody says, or not to this user
		}
		owners, waits := all.busy(objects)
		switch {
		case ctx.Err() != nil:
			return late(ctx, said)
		case err != nil: // the API server may be on its way to another pod
		case owners == 0:
			return nil
		case len(waits) > 0:
			well = 0
			if text := strings.Join(waits, "; "); text != said {
				said = text
				c.tell("%s", text)
			}
		default:
			if well++; well >= settledFor {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return late(ctx, said)
		case <-time.After(every):
		}
	}
}

// late is the error for operators that were waited for too long, with what they said last.
func late(ctx context.Context, said string) error {
	if said == "" {
		said = "they do not answer"
	}
	return fmt.Errorf("waiting for the operators: %w: %s", context.Cause(ctx), said)
}

// busy counts the operators of workloads, and lists those that are not where they want to be, with what they say.
func (all clusterOperators) busy(objects []Object) (owners int, waits []string) {
	for _, operator := range all.Items {
		owns := false
		for _, related := range operator.Status.RelatedObjects {
			owns = owns || related.Resource == "namespaces" &&
				slices.ContainsFunc(objects, func(o Object) bool { return o.Namespace == related.Name })
		}
		if !owns {
			continue
		}
		owners++
		want := map[string]string{"Available": "True", "Progressing": "False", "Degraded": "False"}
		for _, condition := range operator.Status.Conditions {
			if status, ok := want[condition.Type]; ok && condition.Status != status {
				waits = append(waits, strings.TrimSuffix(fmt.Sprintf("clusteroperator/%s: %s is %s: %s",
					operator.Metadata.Name,
					condition.Type, condition.Status, condition.Message), ": "))
				break
			}
		}
	}
	return owners, waits
}
