// Package updates asks an update service for the pull specs of released payloads. It is the protocol by which
// clusters find their updates (openshift/cincinnati, docs/design/openshift.md).
package updates

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/Masterminds/semver/v3"

	"github.com/oc-rebuild/oc-rebuild/internal/fault"
)

// Service is the update service of OpenShift's releases.
const Service = "https://api.openshift.com/api/upgrades_info/v1/graph"

// maxGraph is the largest answer that is read, in bytes: a channel has a few hundred kilobytes. Nodes take ten times as
// much memory as "{}," does.
const maxGraph = 4 << 20

// IsVersion reports whether an argument is a version, and not a pull spec.
func IsVersion(argument string) bool {
	_, err := semver.StrictNewVersion(argument)
	return err == nil
}

// Find returns the pull spec of the payload with a version, from the channels of its minor version. A version that
// none of them has is an error of class Unresolved.
func Find(ctx context.Context, client *http.Client, service, version string) (string, error) {
	parsed, err := semver.StrictNewVersion(version)
	if err != nil {
		return "", fault.Errorf(fault.Usage, "version %q: %w", version, err)
	}
	for _, stream := range []string{"fast", "stable", "candidate"} {
		channel := fmt.Sprintf("%s-%d.%d", stream, parsed.Major(), parsed.Minor())
		nodes, err := read(ctx, client, service, channel)
		if err != nil {
			return "", fault.New(fault.Unresolved, "Name the payload by its pull spec.",
				fmt.Errorf("looking up version %s in channel %s of %s: %w", version, channel, service, err))
		}
		for _, node := range nodes {
			if node.Version == version && node.Payload != "" {
				return node.Payload, nil
			}
		}
	}
	return "", fault.New(fault.Unresolved, "Name the payload by its pull spec.",
		fmt.Errorf("no channel of %d.%d at %s has the version %s", parsed.Major(), parsed.Minor(), service, version))
}

// node is a payload in a channel.
type node struct {
	Version string `json:"version"`
	Payload string `json:"payload"`
}

func read(ctx context.Context, client *http.Client, service, channel string) ([]node, error) {
	address, err := url.Parse(service)
	if err != nil {
		return nil, err
	}
	address.RawQuery = url.Values{"channel": {channel}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %s", response.Status)
	}
	var graph struct {
		Nodes []node `json:"nodes"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxGraph)).Decode(&graph); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	return graph.Nodes, nil
}
