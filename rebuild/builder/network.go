package builder

import (
	"errors"

	nettypes "go.podman.io/common/libnetwork/types"
)

// noNetwork takes the place of the program that sets networks up (netavark), which buildah otherwise looks for before
// the first container, also where none is needed: steps have the host's network, or none at all. It answers only
// where it is really used.
type noNetwork struct{ nettypes.ContainerNetwork }

// DefaultNetworkName is asked for before Setup.
func (noNetwork) DefaultNetworkName() string { return "none" }

// Setup refuses.
func (noNetwork) Setup(string, nettypes.SetupOptions) (map[string]nettypes.StatusBlock, error) {
	return nil, errors.New("steps have the host's network or none, no other")
}

// Teardown has nothing to take down.
func (noNetwork) Teardown(string, nettypes.TeardownOptions) error { return nil }
